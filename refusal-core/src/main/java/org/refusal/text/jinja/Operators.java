package org.refusal.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;

/** Python's operators. */
final class Operators {
  private static final int MOST_BITS = 14_000;
  private static final int EXACT_BITS = 53;

  private Operators() {}

  static Object sign(boolean minus, Object value) {
    if (value instanceof Double real) {
      return minus ? -real : real;
    }
    BigInteger integer = Types.integer(value);
    return minus ? integer.negate() : integer;
  }

  static Object arithmetic(Meter meter, String operator, Object left, Object right) {
    for (Object side : new Object[] {left, right}) {
      if (side instanceof Undefined undefined && !(operator.equals("%") && left instanceof String)) {
        throw undefined.fault();
      }
    }
    if (Types.isNumber(left) && Types.isNumber(right)) {
      return Types.isInteger(left) && Types.isInteger(right)
          ? integers(operator, Types.integer(left), Types.integer(right))
          : reals(operator, Types.real(left), Types.real(right));
    }
    if (operator.equals("%") && left instanceof String format) {
      return TextFormat.percent(meter, format, right);
    }
    if (operator.equals("+")) {
      return plus(meter, left, right);
    }
    if (operator.equals("*") && (Types.isInteger(left) || Types.isInteger(right))) {
      return Types.isInteger(left) ? times(meter, right, left) : times(meter, left, right);
    }
    throw unsupported(operator, left, right);
  }

  private static JinjaException unsupported(String operator, Object left, Object right) {
    return new JinjaException(
        "unsupported operand types for %s: '%s' and '%s'".formatted(operator, Types.name(left), Types.name(right)));
  }

  private static Object plus(Meter meter, Object left, Object right) {
    if (left instanceof String first && right instanceof String second) {
      meter.make((long) first.length() + second.length());
      return first.concat(second);
    }
    boolean texts = Types.name(left).equals("str") && Types.name(right).equals("str");
    if (texts) {
      String sum = Markup.escape(left).text() + Markup.escape(right).text();
      meter.make(sum.length());
      return new Markup(sum);
    }
    if (left instanceof List && right instanceof List || left instanceof Tuple && right instanceof Tuple) {
      List<Object> sum = new ArrayList<>(Types.items(left));
      meter.make((long) sum.size() + Types.size(right));
      sum.addAll(Types.items(right));
      return left instanceof List ? Collections.unmodifiableList(sum) : new Tuple(Collections.unmodifiableList(sum));
    }
    throw unsupported("+", left, right);
  }

  private static Object times(Meter meter, Object value, Object number) {
    BigInteger written = Types.integer(number);
    if (written.bitLength() >= Long.SIZE) {
      throw new JinjaException("cannot fit 'int' into an index-sized integer");
    }
    int times = Math.max(0, Types.count(number));
    if (value instanceof String text) {
      meter.make((long) times * text.length());
      return text.repeat(text.isEmpty() ? 0 : times);
    }
    if (value instanceof List || value instanceof Tuple) {
      List<Object> items = Types.items(value);
      meter.make((long) times * items.size());
      List<Object> all = new ArrayList<>();
      for (int i = 0; i < times && !items.isEmpty(); i++) {
        all.addAll(items);
      }
      return value instanceof List ? Collections.unmodifiableList(all) : new Tuple(Collections.unmodifiableList(all));
    }
    throw unsupported("*", value, number);
  }

  private static Object integers(String operator, BigInteger left, BigInteger right) {
    if (right.signum() == 0 && (operator.equals("/") || operator.equals("//") || operator.equals("%"))) {
      throw new JinjaException("division by zero");
    }
    return switch (operator) {
      case "+" -> bounded(left.add(right));
      case "-" -> bounded(left.subtract(right));
      case "*" -> bounded(left.multiply(right));
      case "/" -> {
        if (left.bitLength() > EXACT_BITS || right.bitLength() > EXACT_BITS) {
          throw new JinjaException("division of integers beyond 53 bits is not supported");
        }
        yield left.doubleValue() / right.doubleValue();
      }
      case "//" -> {
        BigInteger[] parts = left.divideAndRemainder(right);
        yield parts[1].signum() * right.signum() < 0 ? parts[0].subtract(BigInteger.ONE) : parts[0];
      }
      case "%" -> {
        BigInteger rest = left.remainder(right);
        yield rest.signum() * right.signum() < 0 ? rest.add(right) : rest;
      }
      default -> {
        if (right.signum() < 0) {
          yield reals("**", left.doubleValue(), right.doubleValue());
        }
        if (right.bitLength() > 31 || (long) left.bitLength() * right.intValue() > MOST_BITS) {
          if (left.bitLength() > 1 || left.equals(BigInteger.TWO.negate())) {
            throw new JinjaException("an integer of more than %,d bits".formatted(MOST_BITS));
          }
          yield left.signum() == 0 || right.testBit(0) ? left : BigInteger.ONE;
        }
        yield left.pow(right.intValue());
      }
    };
  }

  private static BigInteger bounded(BigInteger value) {
    if (value.bitLength() > MOST_BITS) {
      throw new JinjaException("an integer of more than %,d bits".formatted(MOST_BITS));
    }
    return value;
  }

  private static Object reals(String operator, double left, double right) {
    if (right == 0 && (operator.equals("/") || operator.equals("//") || operator.equals("%"))
        || operator.equals("**") && left == 0 && right < 0) {
      throw new JinjaException("division by zero");
    }
    return switch (operator) {
      case "+" -> left + right;
      case "-" -> left - right;
      case "*" -> left * right;
      case "/" -> left / right;
      case "//" -> floored(left, right);
      case "%" -> modulo(left, right);
      default -> power(left, right);
    };
  }

  private static double modulo(double left, double right) {
    double rest = left % right;
    if (rest == 0) {
      return Math.copySign(0.0, right);
    }
    return rest < 0 != right < 0 ? rest + right : rest;
  }

  private static double floored(double left, double right) {
    double rest = left % right;
    double quotient = (left - rest) / right;
    if (rest != 0 && rest < 0 != right < 0) {
      quotient -= 1;
    }
    if (quotient == 0) {
      return Math.copySign(0.0, left / right);
    }
    double floor = Math.floor(quotient);
    return quotient - floor > 0.5 ? floor + 1 : floor;
  }

  private static double power(double left, double right) {
    double power = Math.pow(left, right);
    if (Double.isNaN(power) && !Double.isNaN(left) && !Double.isNaN(right)) {
      throw new JinjaException("a power that is a complex number is not supported");
    }
    if (Double.isInfinite(power) && !Double.isInfinite(left) && !Double.isInfinite(right)) {
      throw new JinjaException("the result of ** is too large");
    }
    return power;
  }

  static boolean compare(Run run, String operator, Object left, Object right) {
    return switch (operator) {
      case "==" -> equal(run, left, right);
      case "!=" -> !equal(run, left, right);
      case "in" -> contains(run, right, left);
      case "not in" -> !contains(run, right, left);
      default -> {
        if (isNan(left) || isNan(right)) {
          if (!Types.isNumber(left) || !Types.isNumber(right)) {
            throw unsupported(operator, left, right);
          }
          yield false;
        }
        int order = order(run.meter(), left, right);
        yield switch (operator) {
          case "<" -> order < 0;
          case "<=" -> order <= 0;
          case ">" -> order > 0;
          default -> order >= 0;
        };
      }
    };
  }

  private static boolean isNan(Object value) {
    return value instanceof Double real && real.isNaN();
  }

  static boolean equal(Run run, Object left, Object right) {
    run.meter().spend(1);
    run.meter().look(left);
    if (Types.isNumber(left) && Types.isNumber(right)) {
      return !isNan(left) && !isNan(right) && numbers(left, right) == 0;
    }
    if (left instanceof Undefined || right instanceof Undefined) {
      return left instanceof Undefined && right instanceof Undefined;
    }
    if (left instanceof Markup || right instanceof Markup) {
      return Types.name(left).equals(Types.name(right)) && Texts.of(left).equals(Texts.of(right));
    }
    if (left instanceof List && right instanceof List
        || left instanceof Tuple && right instanceof Tuple
        || left instanceof Range && right instanceof Range) {
      return equalItems(run, Types.items(left), Types.items(right));
    }
    if (left instanceof Dict first && right instanceof Dict second) {
      run.meter().spend(first.size());
      if (!first.hashes().equals(second.hashes())) {
        return false;
      }
      for (Dict.Entry entry : first.entries()) {
        if (!equal(run, entry.value(), second.get(entry.key()))) {
          return false;
        }
      }
      return true;
    }
    if (left instanceof DictView && right instanceof DictView) {
      throw new JinjaException("comparing views of dicts is not supported");
    }
    return left == right || left.equals(right) && left instanceof String;
  }

  private static boolean equalItems(Run run, List<Object> left, List<Object> right) {
    if (left.size() != right.size()) {
      return false;
    }
    for (int i = 0; i < left.size(); i++) {
      if (left.get(i) != right.get(i) && !equal(run, left.get(i), right.get(i))) {
        return false;
      }
    }
    return true;
  }

  private static int numbers(Object left, Object right) {
    if (left instanceof Double || right instanceof Double) {
      double first = left instanceof Double real ? real : 0;
      double second = right instanceof Double real ? real : 0;
      if (Double.isInfinite(first) || Double.isInfinite(second)) {
        return Double.compare(first, second);
      }
    }
    return exact(left).compareTo(exact(right));
  }

  private static BigDecimal exact(Object value) {
    return value instanceof Double real ? new BigDecimal(real) : new BigDecimal(Types.integer(value));
  }

  /** Order of numbers, texts, lists and tuples. @throws JinjaException for others, or a mixture of types */
  static int order(Meter meter, Object left, Object right) {
    meter.spend(1);
    meter.look(left);
    if (Types.isNumber(left) && Types.isNumber(right)) {
      return numbers(left, right);
    }
    if (Types.name(left).equals("str") && Types.name(right).equals("str")) {
      return PythonText.compare(Texts.of(left), Texts.of(right));
    }
    if (left instanceof List && right instanceof List || left instanceof Tuple && right instanceof Tuple) {
      Iterator<Object> second = Types.items(right).iterator();
      for (Object first : Types.items(left)) {
        if (!second.hasNext()) {
          return 1;
        }
        Object other = second.next();
        int order = sameOrdered(first, other) ? 0 : order(meter, first, other);
        if (order != 0) {
          return order;
        }
      }
      return second.hasNext() ? -1 : 0;
    }
    for (Object side : new Object[] {left, right}) {
      if (side instanceof Undefined undefined) {
        throw undefined.fault();
      }
    }
    throw unsupported("<", left, right);
  }

  /** Equal elements of sequences need no order. */
  private static boolean sameOrdered(Object left, Object right) {
    return left == right || left == None.NONE && right == None.NONE || left instanceof Undefined && right instanceof Undefined;
  }

  static boolean contains(Run run, Object container, Object value) {
    if (container instanceof String || container instanceof Markup) {
      if (!(value instanceof String) && !(value instanceof Markup)) {
        throw new JinjaException("'in <string>' requires a string, not '%s'".formatted(Types.name(value)));
      }
      String text = Texts.of(container);
      run.meter().search(text, Texts.of(value));
      return text.contains(Texts.of(value));
    }
    if (container instanceof Dict dict) {
      return dict.get(value) != null;
    }
    if (container instanceof DictView view && view.kind() == DictView.Kind.KEYS) {
      return view.dict().get(value) != null;
    }
    Iterator<Object> items = run.iterate(container);
    while (items.hasNext()) {
      Object item = items.next();
      if (item == value || equal(run, item, value)) {
        return true;
      }
    }
    return false;
  }
}
