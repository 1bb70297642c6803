package org.refusal.text.jinja;

import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.refusal.text.jinja.Token.Kind;

/**
 * Cuts a template into tokens, with trim_blocks and lstrip_blocks: the line feed after a block or comment goes, and so
 * do blanks between the beginning of a line and a block or comment. {@code -} strips all blanks of Unicode on its side,
 * {@code +} keeps what the options would strip.
 */
final class Lexer {
  private static final Pattern FLOAT =
      Pattern.compile("(?:\\d+_)*\\d+(?:(?:\\.(?:\\d+_)*\\d+)?[eE][+-]?(?:\\d+_)*\\d+|\\.(?:\\d+_)*\\d+)");
  private static final Pattern INTEGER =
      Pattern.compile("0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?\\d)*|0(?:_?0)*");
  private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");
  private static final List<String> OPERATORS =
      List.of(
          "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=",
          ".", ":", "|", ",", ";");
  private static final Map<String, String> CLOSES = Map.of("(", ")", "[", "]", "{", "}");
  private static final Map<Character, String> ESCAPES =
      Map.ofEntries(
          Map.entry('n', "\n"), Map.entry('t', "\t"), Map.entry('r', "\r"), Map.entry('\\', "\\"),
          Map.entry('\'', "'"), Map.entry('"', "\""), Map.entry('a', "\u0007"), Map.entry('b', "\b"),
          Map.entry('f', "\f"), Map.entry('v', "\u000b"), Map.entry('\n', ""));
  private static final int LONGEST_NUMBER = 1000;

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private boolean lineStarting = true;

  private Lexer(String source) {
    this.source = source;
  }

  /** @param text as it stands in the file; line ends of all systems are read, one at the end is dropped */
  static List<Token> tokens(String text) {
    String plain = text.replace("\r\n", "\n").replace('\r', '\n');
    Lexer lexer = new Lexer(plain.endsWith("\n") ? plain.substring(0, plain.length() - 1) : plain);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (at < source.length()) {
      int begin = nextTag(at);
      if (begin < 0) {
        data(source.substring(at));
        break;
      }
      int raw = source.charAt(begin + 1) == '%' ? afterRaw(begin, "raw", false) : -1;
      text(at, begin, source.charAt(begin + 1) == '{');
      if (raw >= 0) {
        raw(begin, raw);
      } else {
        tag(begin);
      }
    }
    tokens.add(new Token(line, Kind.END, ""));
  }

  private int nextTag(int from) {
    for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
      if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  private char sign(int begin) {
    char c = begin + 2 < source.length() ? source.charAt(begin + 2) : ' ';
    return c == '-' || c == '+' ? c : ' ';
  }

  /** Emits the text before a tag at {@code to}, stripped as the tag asks. */
  private void text(int from, int to, boolean variable) {
    String text = source.substring(from, to);
    char sign = sign(to);
    String kept = text;
    if (sign == '-') {
      kept = PythonText.strip(text, null, false, true);
    } else if (sign != '+' && !variable) {
      int begin = text.lastIndexOf('\n') + 1;
      if ((begin > 0 || lineStarting) && PythonText.strip(text.substring(begin), null, true, false).isEmpty()) {
        kept = text.substring(0, begin);
      }
    }
    data(kept);
    count(text.length() - kept.length(), text, kept.length());
  }

  private void data(String text) {
    if (!text.isEmpty()) {
      tokens.add(new Token(line, Kind.DATA, text));
    }
    count(text.length(), text, 0);
  }

  private void count(int characters, String text, int from) {
    for (int i = from; i < from + characters; i++) {
      if (text.charAt(i) == '\n') {
        line++;
      }
    }
  }

  /** Moves on, counting lines. */
  private void skipTo(int to) {
    count(to - at, source, at);
    lineStarting = to > at && source.charAt(to - 1) == '\n';
    at = to;
  }

  private int blanks(int from) {
    int i = from;
    while (i < source.length() && PythonText.isSpace(source.charAt(i))) {
      i++;
    }
    return i;
  }

  /** One past a tag {@code {% raw %}} or {@code {% endraw %}} that begins here, or -1. */
  private int afterRaw(int begin, String name, boolean end) {
    int i = blanks(sign(begin) == ' ' ? begin + 2 : begin + 3);
    if (!source.startsWith(name, i)) {
      return -1;
    }
    i = blanks(i + name.length());
    if (source.startsWith("-%}", i)) {
      return blanks(i + 3);
    }
    if (end && source.startsWith("+%}", i)) {
      return i + 3;
    }
    if (!source.startsWith("%}", i)) {
      return -1;
    }
    return end && source.startsWith("\n", i + 2) ? i + 3 : i + 2;
  }

  private void raw(int begin, int inside) {
    int from = line;
    at = begin;
    skipTo(inside);
    for (int i = source.indexOf("{%", inside); i >= 0; i = source.indexOf("{%", i + 1)) {
      int after = afterRaw(i, "endraw", true);
      if (after >= 0) {
        text(inside, i, false);
        at = i;
        skipTo(after);
        return;
      }
    }
    throw new JinjaException(from, "the tag raw is not closed");
  }

  private void tag(int begin) {
    char kind = source.charAt(begin + 1);
    at = begin;
    skipTo(sign(begin) == ' ' ? begin + 2 : begin + 3);
    if (kind == '#') {
      comment();
      return;
    }
    tokens.add(new Token(line, kind == '%' ? Kind.BLOCK_BEGIN : Kind.VARIABLE_BEGIN, ""));
    Deque<String> open = new ArrayDeque<>();
    while (true) {
      if (at >= source.length()) {
        return; // the parser says what is missing
      }
      int after = open.isEmpty() ? kind == '%' ? blockEnd() : variableEnd() : -1;
      if (after >= 0) {
        tokens.add(new Token(line, kind == '%' ? Kind.BLOCK_END : Kind.VARIABLE_END, ""));
        skipTo(after);
        return;
      }
      int blank = blanks(at);
      if (blank > at) {
        skipTo(blank);
      } else {
        skipTo(at + piece(open));
      }
    }
  }

  private void comment() {
    int end = source.indexOf("#}", at);
    if (end < 0) {
      throw new JinjaException(line, "a comment is not closed");
    }
    char before = end > at ? source.charAt(end - 1) : ' ';
    int after = end + 2;
    if (before == '-') {
      after = blanks(after);
    } else if (before != '+' && source.startsWith("\n", after)) {
      after++;
    }
    skipTo(after);
  }

  private int blockEnd() {
    if (source.startsWith("+%}", at)) {
      return at + 3;
    }
    if (source.startsWith("-%}", at)) {
      return blanks(at + 3);
    }
    return !source.startsWith("%}", at) ? -1 : source.startsWith("\n", at + 2) ? at + 3 : at + 2;
  }

  private int variableEnd() {
    return source.startsWith("-}}", at) ? blanks(at + 3) : source.startsWith("}}", at) ? at + 2 : -1;
  }

  /** Reads one token of an expression; returns its length. */
  private int piece(Deque<String> open) {
    Matcher number = FLOAT.matcher(source).region(at, source.length());
    if ((at == 0 || source.charAt(at - 1) != '.') && number.lookingAt()) {
      double value = Double.parseDouble(number.group().replace("_", ""));
      if (Double.isInfinite(value)) {
        throw new JinjaException(line, "the number " + number.group() + " is too large");
      }
      return add(Kind.FLOAT, value, number.group());
    }
    number = INTEGER.matcher(source).region(at, source.length());
    if (number.lookingAt()) {
      return add(Kind.INTEGER, integer(number.group().replace("_", "")), number.group());
    }
    Matcher name = NAME.matcher(source).region(at, source.length());
    if (name.lookingAt()) {
      return add(Kind.NAME, name.group(), name.group());
    }
    char c = source.charAt(at);
    if (c == '\'' || c == '"') {
      int end = at + 1;
      while (end < source.length() && source.charAt(end) != c) {
        end += source.charAt(end) == '\\' ? 2 : 1;
      }
      if (end >= source.length()) {
        throw new JinjaException(line, "a string is not closed");
      }
      return add(Kind.STRING, unescape(source.substring(at + 1, end)), source.substring(at, end + 1));
    }
    for (String operator : OPERATORS) {
      if (source.startsWith(operator, at)) {
        balance(operator, open);
        return add(Kind.OPERATOR, operator, operator);
      }
    }
    throw new JinjaException(
        line, "unexpected character '%s'".formatted(Character.toString(source.codePointAt(at))));
  }

  private int add(Kind kind, Object value, String written) {
    tokens.add(new Token(line, kind, value));
    return written.length();
  }

  private BigInteger integer(String digits) {
    if (digits.length() > LONGEST_NUMBER) {
      throw new JinjaException(line, "a number of %d digits is too long".formatted(digits.length()));
    }
    int radix = digits.length() < 2 ? 10 : switch (digits.charAt(1)) {
      case 'b', 'B' -> 2;
      case 'o', 'O' -> 8;
      case 'x', 'X' -> 16;
      default -> 10;
    };
    return new BigInteger(radix == 10 ? digits : digits.substring(2), radix);
  }

  private void balance(String operator, Deque<String> open) {
    if (CLOSES.containsKey(operator)) {
      open.push(CLOSES.get(operator));
    } else if (CLOSES.containsValue(operator)) {
      if (open.isEmpty() || !open.pop().equals(operator)) {
        throw new JinjaException(line, "unexpected '%s'".formatted(operator));
      }
    }
  }

  /** Python's escapes of a string; unknown ones stay as they are. */
  private String unescape(String text) {
    if (text.indexOf('\\') < 0) {
      return text;
    }
    StringBuilder result = new StringBuilder();
    int i = 0;
    while (i < text.length()) {
      char c = text.charAt(i);
      if (c != '\\') {
        result.append(c);
        i++;
        continue;
      }
      char next = text.charAt(i + 1);
      if (ESCAPES.containsKey(next)) {
        result.append(ESCAPES.get(next));
        i += 2;
      } else if (next >= '0' && next <= '7') {
        int end = i + 1;
        while (end < text.length() && end < i + 4 && text.charAt(end) >= '0' && text.charAt(end) <= '7') {
          end++;
        }
        result.appendCodePoint(Integer.parseInt(text.substring(i + 1, end), 8));
        i = end;
      } else if (next == 'x' || next == 'u' || next == 'U') {
        int digits = next == 'x' ? 2 : next == 'u' ? 4 : 8;
        result.appendCodePoint(hexadecimal(text, i + 2, digits));
        i += 2 + digits;
      } else if (next == 'N' || next > 0x7f) {
        throw new JinjaException(line, "the escape \\%s in a string is not supported".formatted(next));
      } else {
        result.append(c).append(next);
        i += 2;
      }
    }
    return result.toString();
  }

  private int hexadecimal(String text, int from, int digits) {
    String written = text.substring(from, Math.min(text.length(), from + digits));
    if (written.length() < digits || !written.chars().allMatch(c -> Character.digit(c, 16) >= 0 && c < 0x80)) {
      throw new JinjaException(line, "a string has an escape that is cut off");
    }
    long point = Long.parseLong(written, 16);
    if (point > Character.MAX_CODE_POINT || point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE) {
      throw new JinjaException(line, "the escape of %s in a string is no character".formatted(written));
    }
    return (int) point;
  }
}
