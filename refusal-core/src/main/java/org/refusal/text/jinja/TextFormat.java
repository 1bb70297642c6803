package org.refusal.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's two ways to format: {@code '%s' % value} and {@code '{}'.format(value)}. */
final class TextFormat {
  private static final Pattern PERCENT =
      Pattern.compile("%(?:\\(([^()]*)\\))?([-+0 #]*)(\\d{1,6})?(?:\\.(\\d{1,3}))?([a-zA-Z%])");
  private static final Pattern SPECIFICATION =
      Pattern.compile("(?:(.)?([<>^=]))?([-+ ]?)(0?)(\\d{1,6})?(,?)(?:\\.(\\d{1,3}))?([a-zA-Z]?)", Pattern.DOTALL);

  private static final String SUPPORTED = "srdif%";

  private TextFormat() {}

  static String pad(Meter meter, String text, String fill, char side, int width) {
    int missing = width - Types.size(text);
    if (missing <= 0) {
      return text;
    }
    meter.make((long) missing + text.length());
    return switch (side) {
      case '<' -> text + fill.repeat(missing);
      case '>' -> fill.repeat(missing) + text;
      default -> fill.repeat(missing / 2) + text + fill.repeat(missing - missing / 2);
    };
  }

  /** Python's str.center puts the odd blank to the left where the width is odd. */
  static String center(Meter meter, String text, String fill, int width) {
    int missing = width - Types.size(text);
    if (missing <= 0) {
      return text;
    }
    meter.make((long) missing + text.length());
    int left = missing / 2 + (missing & width & 1);
    return fill.repeat(left) + text + fill.repeat(missing - left);
  }

  static String percent(Meter meter, String format, Object right) {
    List<Object> values = right instanceof Tuple tuple ? tuple.items() : List.of(right);
    StringBuilder result = new StringBuilder();
    Matcher directive = PERCENT.matcher(format);
    int from = 0;
    int used = 0;
    for (int at = format.indexOf('%'); at >= 0; at = format.indexOf('%', from)) {
      result.append(format, from, at);
      if (!directive.region(at, format.length()).lookingAt()) {
        throw new JinjaException("a format after % is not supported");
      }
      from = directive.end();
      if (directive.group(5).equals("%")) {
        if (directive.group().length() > 2) {
          throw new JinjaException("unsupported format character '%' behind a flag, a width or a name");
        }
        result.append('%');
        continue;
      }
      Object value;
      if (directive.group(1) != null) {
        value = right instanceof Dict dict ? dict.get(directive.group(1)) : null;
        if (value == null) {
          throw new JinjaException("the format needs a mapping with the key '%s'".formatted(directive.group(1)));
        }
        used = values.size();
      } else {
        if (used == values.size()) {
          throw new JinjaException("not enough arguments for format string");
        }
        value = values.get(used++);
      }
      result.append(percent(meter, directive, value));
      meter.append(result.length(), 1);
    }
    if (used < values.size() && !(right instanceof Dict) && !(right instanceof List) && !(right instanceof Undefined)) {
      throw new JinjaException("not all arguments converted during string formatting");
    }
    return result.append(format, from, format.length()).toString();
  }

  /** Why a format that stands in a template can be refused before it is used. */
  static Optional<String> unsupported(String format) {
    Matcher directive = PERCENT.matcher(format);
    int from = 0;
    for (int at = format.indexOf('%'); at >= 0; at = format.indexOf('%', from)) {
      if (!directive.region(at, format.length()).lookingAt()) {
        return Optional.of("a format after % is not supported");
      }
      if (SUPPORTED.indexOf(directive.group(5)) < 0) {
        return Optional.of("the format %%%s is not supported".formatted(directive.group(5)));
      }
      from = directive.end();
    }
    return Optional.empty();
  }

  private static String percent(Meter meter, Matcher directive, Object value) {
    String flags = directive.group(2);
    int width = directive.group(3) == null ? 0 : Integer.parseInt(directive.group(3));
    int precision = directive.group(4) == null ? -1 : Integer.parseInt(directive.group(4));
    if (flags.contains("#")) {
      throw new JinjaException("the flag # of a format is not supported");
    }
    char side = flags.contains("-") ? '<' : '>';
    String sign = flags.contains("+") ? "+" : flags.contains(" ") ? " " : "";
    switch (directive.group(5).charAt(0)) {
      case 's', 'r' -> {
        String text = directive.group(5).equals("s") ? Texts.of(value) : Texts.repr(value);
        return pad(meter, cut(text, precision), " ", side, width);
      }
      case 'd', 'i' -> {
        if (precision >= 0 || !Types.isNumber(value)) {
          throw new JinjaException("%d needs a number, without precision");
        }
        BigInteger integer = value instanceof Double real ? truncated(real) : Types.integer(value);
        return number(meter, sign, integer.signum() < 0, integer.abs().toString(), flags.contains("0") && side == '>', side, width);
      }
      case 'f' -> {
        double real = Types.real(value);
        return number(
            meter, sign, isNegative(real), fixed(real, precision < 0 ? 6 : precision), flags.contains("0") && side == '>', side, width);
      }
      default -> throw new JinjaException("the format %%%s is not supported".formatted(directive.group(5)));
    }
  }

  static BigInteger truncated(double real) {
    if (Double.isNaN(real) || Double.isInfinite(real)) {
      throw new JinjaException("cannot convert %s to an integer".formatted(Texts.repr(real)));
    }
    return new BigDecimal(real).toBigInteger();
  }

  private static boolean isNegative(double real) {
    return real < 0 || real == 0 && 1 / real < 0;
  }

  private static String fixed(double real, int digits) {
    if (Double.isNaN(real) || Double.isInfinite(real)) {
      throw new JinjaException("formatting %s is not supported".formatted(Texts.repr(real)));
    }
    return new BigDecimal(real).abs().setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
  }

  private static String number(
      Meter meter, String sign, boolean negative, String digits, boolean zeros, char side, int width) {
    String mark = negative ? "-" : sign;
    return zeros
        ? mark + pad(meter, digits, "0", '>', width - mark.length())
        : pad(meter, mark + digits, " ", side, width);
  }

  private static String cut(String text, int precision) {
    return precision < 0 || Types.size(text) <= precision
        ? text
        : text.substring(0, text.offsetByCodePoints(0, precision));
  }

  static String braces(Run run, String format, Arguments arguments) {
    StringBuilder result = new StringBuilder();
    int next = 0;
    boolean numbered = false;
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '{' && c != '}') {
        result.append(c);
        continue;
      }
      if (i + 1 < format.length() && format.charAt(i + 1) == c) {
        result.append(c);
        i++;
        continue;
      }
      int end = format.indexOf('}', i);
      String field = c == '}' || end < 0 ? "{" : format.substring(i + 1, end);
      if (field.indexOf('{') >= 0) {
        throw new JinjaException("format(): single or nested braces are not supported");
      }
      i = end;
      int colon = field.indexOf(':');
      String specification = colon < 0 ? "" : field.substring(colon + 1);
      String name = colon < 0 ? field : field.substring(0, colon);
      int conversion = name.indexOf('!');
      boolean repr = conversion >= 0 && name.substring(conversion).equals("!r");
      if (conversion >= 0 && !repr && !name.substring(conversion).equals("!s")) {
        throw new JinjaException("format(): the conversion %s is not supported".formatted(name.substring(conversion)));
      }
      name = conversion < 0 ? name : name.substring(0, conversion);
      if (name.isEmpty() || name.charAt(0) == '.' || name.charAt(0) == '[') {
        if (numbered) {
          throw new JinjaException("format(): cannot switch from numbers to automatic numbering");
        }
        name = next++ + name;
      } else if (Character.isDigit(name.charAt(0))) {
        numbered = true;
        if (next > 0) {
          throw new JinjaException("format(): cannot switch from automatic numbering to numbers");
        }
      }
      Object value = field(name, arguments);
      String text =
          conversion >= 0
              ? formatted(run.meter(), repr ? Texts.repr(value) : Texts.of(value), specification)
              : formatted(run.meter(), value, specification);
      run.write(result, text);
    }
    return result.toString();
  }

  private static Object field(String name, Arguments arguments) {
    if (name.indexOf('[') >= 0) {
      throw new JinjaException("format(): an index in a field is not supported");
    }
    List<Object> parts = PythonText.split(name, ".", -1);
    String first = (String) parts.get(0);
    Object value;
    if (first.matches("\\d{1,6}")) {
      int index = Integer.parseInt(first);
      value = index < arguments.positional().size() ? arguments.positional().get(index) : null;
    } else {
      value = arguments.named().get(first);
    }
    if (value == null) {
      throw new JinjaException("format(): no argument for the field '%s'".formatted(first));
    }
    for (Object part : parts.subList(1, parts.size())) {
      value = Attributes.attribute(value, (String) part);
    }
    return value;
  }

  private static String formatted(Meter meter, Object value, String specification) {
    if (specification.isEmpty()) {
      return Texts.of(value);
    }
    Matcher parts = SPECIFICATION.matcher(specification);
    if (!parts.matches()) {
      throw new JinjaException("format(): the specification '%s' is not supported".formatted(specification));
    }
    String type = parts.group(8);
    boolean text = value instanceof String;
    boolean integer = value instanceof BigInteger;
    boolean real = value instanceof Double || integer && type.equals("f");
    int width = parts.group(5) == null ? 0 : Integer.parseInt(parts.group(5));
    int precision = parts.group(7) == null ? -1 : Integer.parseInt(parts.group(7));
    boolean zeros = !parts.group(4).isEmpty();
    boolean fits =
        text && (type.isEmpty() || type.equals("s")) && parts.group(3).isEmpty() && parts.group(6).isEmpty() && !zeros
            || integer && (type.isEmpty() || type.equals("d")) && precision < 0
            || real && type.equals("f");
    if (!fits || "=".equals(parts.group(2)) || zeros && parts.group(2) != null) {
      throw new JinjaException(
          "format(): the specification '%s' of '%s' is not supported".formatted(specification, Types.name(value)));
    }
    char side = parts.group(2) == null ? text ? '<' : '>' : parts.group(2).charAt(0);
    String fill = parts.group(1) == null ? " " : parts.group(1);
    if (text) {
      return pad(meter, cut((String) value, precision), fill, side, width);
    }
    String digits =
        real ? fixed(Types.real(value), precision < 0 ? 6 : precision) : ((BigInteger) value).abs().toString();
    boolean negative = integer ? ((BigInteger) value).signum() < 0 : isNegative(Types.real(value));
    if (!parts.group(6).isEmpty()) {
      if (zeros) {
        throw new JinjaException("format(): zeros with a comma are not supported");
      }
      digits = digits.replaceAll("(?<=\\d)(?=(\\d{3})+(\\.|$))(?<!\\.\\d{0,99})", ",");
    }
    String sign = parts.group(3).equals("-") ? "" : parts.group(3);
    return zeros
        ? number(meter, sign, negative, digits, true, '>', width)
        : pad(meter, (negative ? "-" : sign) + digits, fill, side, width);
  }
}
