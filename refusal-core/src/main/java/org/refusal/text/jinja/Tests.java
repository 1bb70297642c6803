package org.refusal.text.jinja;

import java.math.BigInteger;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/** What stands behind {@code is}. */
final class Tests {
  /** jinja2 has them too; nothing here is known to agree with them. */
  static final Set<String> UNSUPPORTED = Set.of("sameas", "escaped", "filter", "test");

  /** Applies a test. The first argument is the value that is tested. */
  interface Test {
    boolean apply(Run run, Arguments arguments);
  }

  private static final Map<String, Test> TESTS = new HashMap<>();

  static {
    plain("defined", value -> !(value instanceof Undefined));
    plain("undefined", value -> value instanceof Undefined);
    plain("none", value -> value == None.NONE);
    plain("boolean", value -> value instanceof Boolean);
    plain("true", value -> Boolean.TRUE.equals(value));
    plain("false", value -> Boolean.FALSE.equals(value));
    plain("integer", value -> value instanceof BigInteger);
    plain("float", value -> value instanceof Double);
    plain("number", Types::isNumber);
    plain("string", value -> value instanceof String || value instanceof Markup);
    plain("mapping", value -> value instanceof Dict);
    plain("iterable", value -> value instanceof Lazy || value instanceof Loop || isSized(value));
    plain("sequence", value -> isSized(value) && !(value instanceof DictView));
    plain("callable", value -> value instanceof Callable || value instanceof Undefined);
    plain("lower", value -> PythonText.isCase(Texts.of(value), false));
    plain("upper", value -> PythonText.isCase(Texts.of(value), true));
    plain("odd", value -> rest(value, BigInteger.TWO).equals(1.0));
    plain("even", value -> rest(value, BigInteger.TWO).equals(0.0));
    TESTS.put("divisibleby", (run, arguments) -> {
      Object[] given = arguments.bind("divisibleby", "value/", "num");
      return rest(given[0], given[1]).equals(0.0);
    });
    TESTS.put("in", (run, arguments) -> {
      Object[] given = arguments.bind("in", "value/", "seq");
      return Operators.contains(run, given[1], given[0]);
    });
    compare("==", "==", "eq", "equalto");
    compare("!=", "!=", "ne");
    compare(">", ">", "gt", "greaterthan");
    compare(">=", ">=", "ge");
    compare("<", "<", "lt", "lessthan");
    compare("<=", "<=", "le");
  }

  private Tests() {}

  /** @return null if there is none */
  static Test find(String name) {
    return TESTS.get(name);
  }

  static Test of(Object name) {
    Test test = name instanceof String text ? TESTS.get(text) : null;
    if (test == null) {
      throw new JinjaException("the test '%s' is not supported".formatted(Texts.of(name)));
    }
    return test;
  }

  private static boolean isSized(Object value) {
    return !(value instanceof Loop) && Types.size(value) >= 0;
  }

  private static void plain(String name, Predicate<Object> test) {
    TESTS.put(name, (run, arguments) -> test.test(arguments.bind(name, "value/")[0]));
  }

  private static void compare(String operator, String... names) {
    for (String name : names) {
      TESTS.put(name, (run, arguments) -> {
        Object[] given = arguments.bind(name, "value/", "other/");
        return Operators.compare(run, operator, given[0], given[1]);
      });
    }
  }

  private static Double rest(Object value, Object by) {
    Object rest = Operators.arithmetic(new Meter(), "%", value, by);
    if (!Types.isNumber(rest)) {
      throw new JinjaException("'%s' cannot be divided".formatted(Types.name(value)));
    }
    return Types.real(rest) == 0 ? 0.0 : Types.real(rest);
  }
}
