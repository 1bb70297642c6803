package org.refusal.text.jinja;

import java.math.BigInteger;
import java.util.List;
import java.util.Locale;

/** Names, truth and kinds of values as Python has them. */
final class Types {
  private Types() {}

  static String name(Object value) {
    if (value instanceof String || value instanceof Markup) {
      return "str";
    }
    if (value instanceof BigInteger) {
      return "int";
    }
    if (value instanceof Double) {
      return "float";
    }
    if (value instanceof Boolean) {
      return "bool";
    }
    if (value == None.NONE) {
      return "None";
    }
    if (value instanceof List) {
      return "list";
    }
    if (value instanceof DictView view) {
      return "dict_" + view.kind().name().toLowerCase(Locale.ROOT);
    }
    if (value instanceof Lazy) {
      return "generator";
    }
    return value instanceof Macro || value instanceof Loop || !(value instanceof Callable)
        ? value.getClass().getSimpleName().toLowerCase(Locale.ROOT)
        : "function";
  }

  static boolean truth(Object value) {
    if (value instanceof Boolean truth) {
      return truth;
    }
    if (value instanceof BigInteger integer) {
      return integer.signum() != 0;
    }
    if (value instanceof Double real) {
      return real != 0;
    }
    if (value == None.NONE) {
      return false;
    }
    if (value instanceof String text) {
      return !text.isEmpty();
    }
    return size(value) != 0;
  }

  /** Python's len(), or -1 for what has none. */
  static int size(Object value) {
    if (value instanceof String text) {
      return text.codePointCount(0, text.length());
    }
    if (value instanceof Markup markup) {
      return size(markup.text());
    }
    if (value instanceof Loop loop) {
      return loop.length();
    }
    if (value instanceof Undefined) {
      return 0;
    }
    if (value instanceof Dict dict) {
      return dict.size();
    }
    if (value instanceof DictView view) {
      return view.dict().size();
    }
    List<Object> items = items(value);
    return items == null ? -1 : items.size();
  }

  /** The elements of a list, tuple, range or view of a dict, else null. */
  @SuppressWarnings("unchecked")
  static List<Object> items(Object value) {
    if (value instanceof List) {
      return (List<Object>) value;
    }
    if (value instanceof Tuple tuple) {
      return tuple.items();
    }
    if (value instanceof Range range) {
      return range.items();
    }
    return value instanceof DictView view ? view.items() : null;
  }

  static boolean isInteger(Object value) {
    return value instanceof BigInteger || value instanceof Boolean;
  }

  static boolean isNumber(Object value) {
    return isInteger(value) || value instanceof Double;
  }

  static BigInteger integer(Object value) {
    if (value instanceof Boolean truth) {
      return truth ? BigInteger.ONE : BigInteger.ZERO;
    }
    if (value instanceof BigInteger integer) {
      return integer;
    }
    if (value instanceof Undefined undefined) {
      throw undefined.fault();
    }
    throw new JinjaException("'%s' object cannot be interpreted as an integer".formatted(name(value)));
  }

  /** An integer that counts or places something; those beyond 32 bits become the bound. */
  static int count(Object value) {
    return integer(value)
        .max(BigInteger.valueOf(-Integer.MAX_VALUE))
        .min(BigInteger.valueOf(Integer.MAX_VALUE))
        .intValue();
  }

  /** A truth value where Python's C code takes an integer for one, and no text, list or None. */
  static boolean flag(Object value) {
    BigInteger integer = integer(value);
    if (integer.bitLength() >= Integer.SIZE) {
      throw new JinjaException("Python int too large to convert to C int");
    }
    return integer.signum() != 0;
  }

  static double real(Object value) {
    if (value instanceof Double real) {
      return real;
    }
    double real = integer(value).doubleValue();
    if (Double.isInfinite(real)) {
      throw new JinjaException("int too large to convert to float");
    }
    return real;
  }

  static String text(Object value, String where) {
    if (value instanceof String text) {
      return text;
    }
    if (value instanceof Markup) {
      throw new JinjaException("%s of a text marked as safe is not supported".formatted(where));
    }
    throw new JinjaException("%s needs a text, not '%s'".formatted(where, name(value)));
  }
}
