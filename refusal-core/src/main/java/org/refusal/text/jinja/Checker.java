package org.refusal.text.jinja;

import java.math.BigInteger;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.refusal.text.jinja.Expressions.Arithmetic;
import org.refusal.text.jinja.Expressions.Attribute;
import org.refusal.text.jinja.Expressions.Constant;
import org.refusal.text.jinja.Expressions.Filtered;
import org.refusal.text.jinja.Expressions.Invocation;
import org.refusal.text.jinja.Expressions.Name;
import org.refusal.text.jinja.Expressions.Tested;
import org.refusal.text.jinja.Expressions.Use;
import org.refusal.text.jinja.Node.Statement;

/** Refuses by name what is not supported, wherever it stands, before anything is rendered. */
final class Checker {
  private static final int MOST_LOOPS = 20; // Python compiles no deeper ones
  private static final Set<String> BY_TEST = Set.of("select", "reject");

  private final Set<String> assigned = new HashSet<>();

  static void check(List<Statement> template) {
    Checker checker = new Checker();
    template.forEach(checker::collect);
    template.forEach(statement -> checker.check(statement, false, 0));
  }

  private void collect(Node node) {
    if (node instanceof Name name && name.use() != Use.LOAD) {
      assigned.add(name.name());
    } else if (node instanceof Statements.Macros macro) {
      assigned.add(macro.function().name());
    }
    node.children().forEach(this::collect);
  }

  /** @param inLoop whether break and continue have a loop to act on @param loops around this node */
  private void check(Node node, boolean inLoop, int loops) {
    if (node instanceof Statements.Jump && !inLoop) {
      throw new JinjaException(node.line(), "break and continue stand outside of a loop");
    }
    if (node instanceof Statements.For loop) {
      check(loop, inLoop, loops);
      return;
    }
    boolean function =
        node instanceof Statements.Macros
            || node instanceof Statements.CallBlock
            || node instanceof Statements.Generation;
    checkNames(node);
    node.children().forEach(child -> check(child, inLoop && !function, function ? 0 : loops));
  }

  private void check(Statements.For loop, boolean inLoop, int loops) {
    if (loops == MOST_LOOPS) {
      throw new JinjaException(loop.line(), "more than %d loops within one another".formatted(MOST_LOOPS));
    }
    refuseLoop(loop, loop.line());
    check(loop.target(), false, loops);
    check(loop.items(), false, loops);
    if (loop.test() != null) {
      check(loop.test(), false, loops);
    }
    loop.body().forEach(statement -> check(statement, true, loops + 1));
    loop.otherwise().forEach(statement -> check(statement, inLoop && !loop.recursive(), loops));
  }

  private static void refuseLoop(Node node, int line) {
    if (node instanceof Name name && name.use() == Use.STORE && name.name().equals("loop")) {
      throw new JinjaException(line, "the variable 'loop' is assigned within a loop");
    }
    node.children().forEach(child -> refuseLoop(child, line));
  }

  private void checkNames(Node node) {
    if (node instanceof Name name) {
      if (Globals.UNSUPPORTED.contains(name.name()) && !assigned.contains(name.name())) {
        throw new JinjaException(name.line(), "'%s' is not supported".formatted(name.name()));
      }
    } else if (node instanceof Filtered filtered) {
      filter(filtered.line(), filtered.name());
      byName(filtered);
      base(filtered);
    } else if (node instanceof Arithmetic arithmetic) {
      if (arithmetic.operator().equals("%")
          && arithmetic.left() instanceof Constant constant && constant.value() instanceof String format) {
        TextFormat.unsupported(format).ifPresent(why -> {
          throw new JinjaException(arithmetic.line(), why);
        });
      }
    } else if (node instanceof Tested tested) {
      test(tested.line(), tested.name());
    } else if (node instanceof Attribute attribute) {
      if (attribute.name().startsWith("__")) {
        throw new JinjaException(attribute.line(), "the attribute '%s' is unsafe".formatted(attribute.name()));
      }
    } else if (node instanceof Invocation call && call.callee() instanceof Attribute method) {
      if (Methods.isUnsupported(method.name())) {
        throw new JinjaException(method.line(), "the method '%s' is not supported".formatted(method.name()));
      }
    }
  }

  /** Filters that are given the name of another filter or of a test. */
  private static void byName(Filtered filtered) {
    List<Node.Expression> given = filtered.call().positional();
    int at = filtered.name().endsWith("attr") ? 1 : 0;
    if (given.size() > at && given.get(at) instanceof Constant constant && constant.value() instanceof String name) {
      if (filtered.name().equals("map")) {
        filter(filtered.line(), name);
      } else if (BY_TEST.contains(filtered.name().replace("attr", ""))) {
        test(filtered.line(), name);
      }
    }
  }

  private static void base(Filtered filtered) {
    List<Node.Expression> given = filtered.call().positional();
    Node.Expression base = given.size() > 1 ? given.get(1) : filtered.call().named().get("base");
    if (filtered.name().equals("int") && base != null
        && !(base instanceof Constant constant && BigInteger.TEN.equals(constant.value()))) {
      throw new JinjaException(filtered.line(), "the filter int with another base than 10 is not supported");
    }
  }

  private static void filter(int line, String name) {
    if (Filters.find(name) == null) {
      throw new JinjaException(line, "the filter '%s' is not supported".formatted(name));
    }
  }

  private static void test(int line, String name) {
    if (Tests.find(name) == null) {
      throw new JinjaException(line, "the test '%s' is not supported".formatted(name));
    }
  }
}
