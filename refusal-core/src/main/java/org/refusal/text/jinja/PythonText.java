package org.refusal.text.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** Texts as Python's str sees them: sequences of code points, with Unicode's blanks and line ends. */
final class PythonText {
  private static final char SIGMA = '\u03a3';
  private static final String WITHIN_WORDS =
      "'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a";

  private PythonText() {}

  /** Python's str.isspace: Unicode white space and the four information separators. */
  static boolean isSpace(int c) {
    return c >= 0x09 && c <= 0x0d
        || c >= 0x1c && c <= 0x20
        || c == 0x85
        || c == 0xa0
        || c == 0x1680
        || c >= 0x2000 && c <= 0x200a
        || c == 0x2028
        || c == 0x2029
        || c == 0x202f
        || c == 0x205f
        || c == 0x3000;
  }

  /** Where str.splitlines breaks; not all blanks do. */
  private static boolean endsLine(char c) {
    return c >= 0x0a && c <= 0x0d || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029;
  }

  static List<String> points(String text) {
    return text.codePoints().mapToObj(Character::toString).toList();
  }

  /** @param characters to strip; null means white space */
  static String strip(String text, String characters, boolean left, boolean right) {
    int from = 0;
    int to = text.length();
    while (left && from < to && strips(text.codePointAt(from), characters)) {
      from += Character.charCount(text.codePointAt(from));
    }
    while (right && to > from && strips(text.codePointBefore(to), characters)) {
      to -= Character.charCount(text.codePointBefore(to));
    }
    return text.substring(from, to);
  }

  private static boolean strips(int point, String characters) {
    return characters == null ? isSpace(point) : characters.indexOf(point) >= 0;
  }

  static List<Object> lines(String text, boolean keepEnds) {
    List<Object> lines = new ArrayList<>();
    int from = 0;
    while (from < text.length()) {
      int end = from;
      while (end < text.length() && !endsLine(text.charAt(end))) {
        end++;
      }
      int next = end + (text.startsWith("\r\n", end) ? 2 : end < text.length() ? 1 : 0);
      lines.add(text.substring(from, keepEnds ? next : end));
      from = next;
    }
    return lines;
  }

  /** @param most splits; negative for all */
  static List<Object> split(String text, String separator, int most) {
    List<Object> parts = new ArrayList<>();
    int from = 0;
    for (int at = text.indexOf(separator); at >= 0 && parts.size() != most; at = text.indexOf(separator, from)) {
      parts.add(text.substring(from, at));
      from = at + separator.length();
    }
    parts.add(text.substring(from));
    return parts;
  }

  static List<Object> splitFromRight(String text, String separator, int most) {
    List<Object> parts = new ArrayList<>();
    int to = text.length();
    while (parts.size() != most) {
      int at = to < separator.length() ? -1 : text.lastIndexOf(separator, to - separator.length());
      if (at < 0) {
        break;
      }
      parts.add(text.substring(at + separator.length(), to));
      to = at;
    }
    parts.add(text.substring(0, to));
    Collections.reverse(parts);
    return parts;
  }

  static List<Object> words(String text, int most) {
    List<Object> words = new ArrayList<>();
    int from = 0;
    while (true) {
      while (from < text.length() && isSpace(text.charAt(from))) {
        from++;
      }
      if (from == text.length()) {
        return words;
      }
      int end = from;
      while (end < text.length() && (words.size() == most || !isSpace(text.charAt(end)))) {
        end++;
      }
      words.add(text.substring(from, end));
      from = end;
    }
  }

  static List<Object> wordsFromRight(String text, int most) {
    List<Object> words = new ArrayList<>();
    int to = text.length();
    while (true) {
      while (to > 0 && isSpace(text.charAt(to - 1))) {
        to--;
      }
      if (to == 0) {
        Collections.reverse(words);
        return words;
      }
      int begin = to;
      while (begin > 0 && (words.size() == most || !isSpace(text.charAt(begin - 1)))) {
        begin--;
      }
      words.add(text.substring(begin, to));
      to = begin;
    }
  }

  static String replace(String text, String old, String replacement, int most) {
    if (most < 0 && !old.isEmpty()) {
      return text.replace(old, replacement);
    }
    StringBuilder result = new StringBuilder();
    int done = 0;
    int from = 0;
    if (old.isEmpty()) { // before every code point and at the end
      for (String point : points(text)) {
        result.append(done == most ? "" : replacement).append(point);
        done += done == most ? 0 : 1;
      }
      return result.append(done == most ? "" : replacement).toString();
    }
    for (int at = text.indexOf(old); at >= 0 && done != most; at = text.indexOf(old, from)) {
      result.append(text, from, at).append(replacement);
      from = at + old.length();
      done++;
    }
    return result.append(text, from, text.length()).toString();
  }

  /** Occurrences that do not overlap. */
  static int count(String text, String part) {
    if (part.isEmpty()) {
      return text.codePointCount(0, text.length()) + 1;
    }
    int count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
      count++;
    }
    return count;
  }

  static String lower(String text) {
    requireKnown(text);
    if (text.indexOf(SIGMA) < 0) {
      return text.toLowerCase(Locale.ROOT);
    }
    int[] points = text.codePoints().toArray();
    StringBuilder result = new StringBuilder();
    for (int i = 0; i < points.length; i++) {
      result.append(lower(points, i));
    }
    return result.toString();
  }

  static String upper(String text) {
    requireKnown(text);
    return text.toUpperCase(Locale.ROOT);
  }

  /** Lower case of one code point where it stands: Java has another rule for the sigma that ends a word. */
  private static String lower(int[] points, int at) {
    if (points[at] != SIGMA) {
      return Character.toString(points[at]).toLowerCase(Locale.ROOT);
    }
    int before = at - 1;
    while (before >= 0 && isCaseIgnorable(points[before])) {
      before--;
    }
    int after = at + 1;
    while (after < points.length && isCaseIgnorable(points[after])) {
      after++;
    }
    boolean ends = before >= 0 && isCased(points[before]) && !(after < points.length && isCased(points[after]));
    return ends ? "\u03c2" : "\u03c3";
  }

  /** Unicode's Case_Ignorable: marks, modifiers, formats, and what stands within words. */
  private static boolean isCaseIgnorable(int point) {
    return switch (Character.getType(point)) {
      case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.FORMAT, Character.MODIFIER_LETTER,
          Character.MODIFIER_SYMBOL -> true;
      default -> WITHIN_WORDS.indexOf(point) >= 0;
    };
  }

  /** Python may know a case or a kind for characters that are younger than this Java's Unicode. */
  static void requireKnown(String text) {
    text.codePoints()
        .filter(point -> Character.getType(point) == Character.UNASSIGNED)
        .findFirst()
        .ifPresent(point -> {
          throw new JinjaException("the case or kind of the character U+%04X is not supported".formatted(point));
        });
  }

  static String swapCase(String text) {
    requireKnown(text);
    int[] points = text.codePoints().toArray();
    StringBuilder result = new StringBuilder();
    for (int i = 0; i < points.length; i++) {
      String one = Character.toString(points[i]);
      result.append(
          Character.isUpperCase(points[i]) ? lower(points, i) : Character.isLowerCase(points[i]) ? upper(one) : one);
    }
    return result.toString();
  }

  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int end = text.offsetByCodePoints(0, 1);
    // lower case of the rest within the whole, since a sigma's form depends on what stands before it
    String lower = lower(text);
    String first = lower(text.substring(0, end));
    return titled(text.codePointAt(0)) + lower.substring(first.length());
  }

  static String title(String text) {
    requireKnown(text);
    StringBuilder result = new StringBuilder();
    int[] points = text.codePoints().toArray();
    boolean within = false;
    for (int i = 0; i < points.length; i++) {
      result.append(within ? lower(points, i) : titled(points[i]));
      within = isCased(points[i]);
    }
    return result.toString();
  }

  private static String titled(int point) {
    int simple = Character.toTitleCase(point);
    String upper = upper(Character.toString(point));
    if (upper.codePointCount(0, upper.length()) == 1 || simple != point) {
      return Character.toString(simple);
    }
    if (upper.chars().anyMatch(c -> c > 0x7f)) {
      throw new JinjaException("the title case of '%s' is not supported".formatted(Character.toString(point)));
    }
    return upper.charAt(0) + lower(upper.substring(1));
  }

  static boolean isCased(int point) {
    return Character.isUpperCase(point) || Character.isLowerCase(point) || Character.isTitleCase(point);
  }

  /** Whether all cased letters are of one case and there is one. */
  static boolean isCase(String text, boolean upper) {
    requireKnown(text);
    boolean any = false;
    for (int point : text.codePoints().toArray()) {
      boolean is = upper ? Character.isUpperCase(point) : Character.isLowerCase(point);
      if (isCased(point) && !is) {
        return false;
      }
      any |= is;
    }
    return any;
  }

  /** Order of code points, which is Python's. */
  static int compare(String a, String b) {
    int i = 0;
    while (i < a.length() && i < b.length() && a.charAt(i) == b.charAt(i)) {
      i++;
    }
    if (i == a.length() || i == b.length()) {
      return Integer.compare(a.length(), b.length());
    }
    char left = a.charAt(i);
    char right = b.charAt(i);
    boolean astral = Character.isSurrogate(left);
    return astral == Character.isSurrogate(right) ? Character.compare(left, right) : astral ? 1 : -1;
  }
}
