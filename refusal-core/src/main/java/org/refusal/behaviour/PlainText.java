package org.refusal.behaviour;

import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An answer as the rules read it: lower case, straight apostrophes, no double quotes, no Markdown emphasis, single
 * blanks between words; a run of blanks with a line break in it is one line break.
 *
 * @param text what the rules match
 * @param origin for every character of {@code text} its index in the answer, and the answer's length at the end
 *     {@code [text.length() + 1]}
 */
record PlainText(String text, int[] origin) {
  private static final String APOSTROPHES = "'\u2018\u2019\u201B\u02BC\u00B4\u0060\u2032\uFF07";
  private static final String DROPPED = "\"\u201C\u201D\u201E\u00AB\u00BB*_#>~|\u200B\u200C\u200D\uFEFF";
  private static final String DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015";
  /** What follows the apostrophe of a contraction that a tokenizer wrote with a blank before: {@code do n't, I 'm}. */
  private static final Pattern TORN = Pattern.compile(" (?=n't\\b|'(?:m|re|s|ve|ll|d)\\b)");

  static PlainText of(String answer) {
    StringBuilder text = new StringBuilder();
    int[] origin = new int[answer.length() + 1];
    for (int i = 0; i < answer.length(); i++) {
      char c = answer.charAt(i);
      boolean blank = Character.isWhitespace(c) || Character.isSpaceChar(c);
      char last = text.isEmpty() ? '\n' : text.charAt(text.length() - 1);
      boolean bullet = c == '*' && last == '\n' && i + 1 < answer.length() && answer.charAt(i + 1) == ' ';
      if (DROPPED.indexOf(c) >= 0 && !bullet) {
        continue;
      }
      if (blank && (last == ' ' || last == '\n')) {
        if ((c == '\n' || c == '\r') && !text.isEmpty()) {
          text.setCharAt(text.length() - 1, '\n');
        }
        continue;
      }
      origin[text.length()] = i;
      text.append(blank ? (c == '\n' || c == '\r' ? '\n' : ' ') : bullet ? '-' : plain(c));
    }
    if (!text.isEmpty() && Character.isWhitespace(text.charAt(text.length() - 1))) {
      text.setLength(text.length() - 1);
    }
    origin[text.length()] = answer.length();
    return new PlainText(text.toString(), Arrays.copyOf(origin, text.length() + 1)).joined();
  }

  private static char plain(char c) {
    if (APOSTROPHES.indexOf(c) >= 0) {
      return '\'';
    }
    if (DASHES.indexOf(c) >= 0) {
      return '-';
    }
    return c == '\u2026' ? '.' : Character.toLowerCase(c);
  }

  /** Without the blanks inside contractions. */
  private PlainText joined() {
    Matcher torn = TORN.matcher(text);
    StringBuilder joined = new StringBuilder();
    int[] places = new int[origin.length];
    int from = 0;
    while (torn.find()) {
      System.arraycopy(origin, from, places, joined.length(), torn.start() - from);
      joined.append(text, from, torn.start());
      from = torn.end();
    }
    System.arraycopy(origin, from, places, joined.length(), origin.length - from);
    joined.append(text, from, text.length());
    return new PlainText(joined.toString(), Arrays.copyOf(places, joined.length() + 1));
  }

  /** Where a stretch of {@code text} ends in the answer. */
  int originOfEnd(int end) {
    return end == 0 ? origin[0] : origin[end - 1] + 1;
  }
}
