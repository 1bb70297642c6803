package org.refusal.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;

/** Python's str() and repr(). What these write with an address in memory, as functions, is an error here. */
final class Texts {
  private static final int LONGEST_EXACT = 17;

  private Texts() {}

  static String of(Object value) {
    if (value instanceof String text) {
      return text;
    }
    if (value instanceof Markup markup) {
      return markup.text();
    }
    return value instanceof Undefined ? "" : repr(value);
  }

  static String repr(Object value) {
    StringBuilder text = new StringBuilder();
    write(value, text);
    return text.toString();
  }

  private static void write(Object value, StringBuilder out) {
    Meter.requireRoom(out);
    if (value instanceof List || value instanceof Tuple) {
      List<Object> items = Types.items(value);
      boolean tuple = value instanceof Tuple;
      out.append(tuple ? "(" : "[");
      for (int i = 0; i < items.size(); i++) {
        out.append(i == 0 ? "" : ", ");
        write(items.get(i), out);
      }
      out.append(tuple ? items.size() == 1 ? ",)" : ")" : "]");
    } else if (value instanceof Dict dict) {
      String between = "{";
      for (Dict.Entry entry : dict.entries()) {
        out.append(between);
        write(entry.key(), out);
        out.append(": ");
        write(entry.value(), out);
        between = ", ";
      }
      out.append(dict.size() == 0 ? "{}" : "}");
    } else if (value instanceof DictView view) {
      out.append("dict_").append(view.kind().name().toLowerCase(Locale.ROOT)).append('(');
      write(view.items(), out);
      out.append(')');
    } else {
      out.append(plain(value));
    }
  }

  private static String plain(Object value) {
    if (value instanceof String text) {
      return quoted(text);
    }
    if (value instanceof Markup markup) {
      return "Markup(" + quoted(markup.text()) + ")";
    }
    if (value instanceof Boolean truth) {
      return truth ? "True" : "False";
    }
    if (value instanceof BigInteger integer) {
      return integer.toString();
    }
    if (value instanceof Double real) {
      return real(real);
    }
    if (value == None.NONE) {
      return "None";
    }
    if (value instanceof Undefined) {
      return "Undefined";
    }
    if (value instanceof Range range) {
      return range.step() == 1
          ? "range(%d, %d)".formatted(range.start(), range.stop())
          : "range(%d, %d, %d)".formatted(range.start(), range.stop(), range.step());
    }
    throw new JinjaException(
        "a %s is written as text, which is not supported".formatted(
            value instanceof Lazy ? "generator (use the filter list or join)" : Types.name(value)));
  }

  private static String quoted(String text) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    StringBuilder result = new StringBuilder().append(quote);
    text.codePoints().forEach(point -> {
      switch (point) {
        case '\\' -> result.append("\\\\");
        case '\n' -> result.append("\\n");
        case '\r' -> result.append("\\r");
        case '\t' -> result.append("\\t");
        default -> {
          if (point == quote) {
            result.append('\\').append(quote);
          } else if (isPrintable(point)) {
            result.appendCodePoint(point);
          } else {
            result.append((point < 0x100 ? "\\x%02x" : point < 0x10000 ? "\\u%04x" : "\\U%08x").formatted(point));
          }
        }
      }
    });
    return result.append(quote).toString();
  }

  private static boolean isPrintable(int point) {
    return switch (Character.getType(point)) {
      case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE,
          Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> false;
      case Character.UNASSIGNED ->
          throw new JinjaException("the character U+%04X within a list or dict that is printed is not supported".formatted(point));
      case Character.SPACE_SEPARATOR -> point == ' ';
      default -> true;
    };
  }

  /** The fewest digits that are read as the same number, of several the nearest to it. */
  private static BigDecimal shortest(double value) {
    BigDecimal exact = new BigDecimal(value);
    for (int digits = 1; digits < LONGEST_EXACT; digits++) {
      for (RoundingMode mode : List.of(RoundingMode.HALF_EVEN, RoundingMode.DOWN, RoundingMode.UP)) {
        BigDecimal rounded = exact.round(new MathContext(digits, mode));
        if (rounded.doubleValue() == value) {
          return rounded;
        }
      }
    }
    return exact.round(new MathContext(LONGEST_EXACT, RoundingMode.HALF_EVEN));
  }

  private static String real(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal shortest = shortest(value);
    String digits = shortest.unscaledValue().abs().toString();
    int exponent = digits.length() - shortest.scale() - 1;
    digits = digits.replaceAll("0+$", "");
    String sign = value < 0 ? "-" : "";
    if (exponent >= -4 && exponent < 16) {
      String plain = shortest.abs().stripTrailingZeros().toPlainString();
      return sign + plain + (plain.indexOf('.') < 0 ? ".0" : "");
    }
    String mantissa = digits.substring(0, 1) + (digits.length() > 1 ? "." + digits.substring(1) : "");
    return "%s%se%s%02d".formatted(sign, mantissa, exponent < 0 ? "-" : "+", Math.abs(exponent));
  }
}
