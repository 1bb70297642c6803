package org.refusal.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.refusal.text.jinja.Node.Expression;

/** The expressions of a template. */
final class Expressions {
  private Expressions() {}

  /** What a name is there for. */
  enum Use {
    LOAD,
    STORE,
    PARAMETER
  }

  record Constant(int line, Object value) implements Expression {
    @Override
    public List<Node> children() {
      return List.of();
    }

    @Override
    public Object value(Run run, Frame frame) {
      return value;
    }
  }

  record Name(int line, String name, Use use) implements Expression {
    @Override
    public List<Node> children() {
      return List.of();
    }

    @Override
    public Object value(Run run, Frame frame) {
      run.at(line);
      Object value = frame.get(name);
      return value == null ? Undefined.name(name) : value;
    }
  }

  /** The attribute of a namespace that is assigned to. */
  record NamespaceTarget(int line, String name, String attribute) implements Expression {
    @Override
    public List<Node> children() {
      return List.of();
    }

    @Override
    public Object value(Run run, Frame frame) {
      throw new IllegalStateException("a target has no value");
    }

    Namespace namespace(Frame frame) {
      if (frame.get(name) instanceof Namespace namespace) {
        return namespace;
      }
      throw new JinjaException("cannot assign an attribute of '%s', which is no namespace".formatted(name));
    }
  }

  /** @param tuple rather than a list */
  record Items(int line, List<Expression> items, boolean tuple) implements Expression {
    @Override
    public List<Expression> children() {
      return items;
    }

    @Override
    public Object value(Run run, Frame frame) {
      List<Object> values = new ArrayList<>();
      for (Expression item : items) {
        values.add(item.value(run, frame));
      }
      return tuple ? new Tuple(List.copyOf(values)) : List.copyOf(values);
    }
  }

  record Pair(Expression key, Expression value) {}

  record Mapping(int line, List<Pair> pairs) implements Expression {
    @Override
    public List<Expression> children() {
      return pairs.stream().flatMap(pair -> Stream.of(pair.key(), pair.value())).toList();
    }

    @Override
    public Object value(Run run, Frame frame) {
      Dict dict = new Dict();
      for (Pair pair : pairs) {
        Object key = pair.key().value(run, frame);
        run.meter().look(key);
        dict.put(key, pair.value().value(run, frame));
      }
      return dict;
    }
  }

  /** @param otherwise may be null */
  record Conditional(int line, Expression test, Expression then, Expression otherwise) implements Expression {
    @Override
    public List<Expression> children() {
      return otherwise == null ? List.of(test, then) : List.of(test, then, otherwise);
    }

    @Override
    public Object value(Run run, Frame frame) {
      if (Types.truth(test.value(run, frame))) {
        return then.value(run, frame);
      }
      return otherwise == null
          ? new Undefined("an inline if without else was false")
          : otherwise.value(run, frame);
    }
  }

  /** {@code and} and {@code or}, whose value is one of the two. */
  record Logical(int line, boolean and, Expression left, Expression right) implements Expression {
    @Override
    public List<Expression> children() {
      return List.of(left, right);
    }

    @Override
    public Object value(Run run, Frame frame) {
      Object first = left.value(run, frame);
      return Types.truth(first) == and ? right.value(run, frame) : first;
    }
  }

  record Not(int line, Expression node) implements Expression {
    @Override
    public List<Expression> children() {
      return List.of(node);
    }

    @Override
    public Object value(Run run, Frame frame) {
      return !Types.truth(node.value(run, frame));
    }
  }

  record Sign(int line, boolean minus, Expression node) implements Expression {
    @Override
    public List<Expression> children() {
      return List.of(node);
    }

    @Override
    public Object value(Run run, Frame frame) {
      Object value = node.value(run, frame);
      run.at(line);
      return Operators.sign(minus, value);
    }
  }

  record Arithmetic(int line, String operator, Expression left, Expression right) implements Expression {
    @Override
    public List<Expression> children() {
      return List.of(left, right);
    }

    @Override
    public Object value(Run run, Frame frame) {
      Object first = left.value(run, frame);
      Object second = right.value(run, frame);
      run.at(line);
      return Operators.arithmetic(run.meter(), operator, first, second);
    }
  }

  record Concatenation(int line, List<Expression> parts) implements Expression {
    @Override
    public List<Expression> children() {
      return parts;
    }

    @Override
    public Object value(Run run, Frame frame) {
      StringBuilder text = new StringBuilder();
      for (Expression part : parts) {
        run.write(text, Texts.of(part.value(run, frame)));
        run.at(line);
      }
      return text.toString();
    }
  }

  record Comparison(String operator, Expression right) {}

  /** {@code a < b < c}: all must hold; none is evaluated after one that does not. */
  record Comparisons(int line, Expression first, List<Comparison> rest) implements Expression {
    @Override
    public List<Expression> children() {
      List<Expression> all = new ArrayList<>(List.of(first));
      rest.forEach(comparison -> all.add(comparison.right()));
      return all;
    }

    @Override
    public Object value(Run run, Frame frame) {
      Object left = first.value(run, frame);
      for (Comparison comparison : rest) {
        Object right = comparison.right().value(run, frame);
        run.at(line);
        if (!Operators.compare(run, comparison.operator(), left, right)) {
          return false;
        }
        left = right;
      }
      return true;
    }
  }

  record Attribute(int line, Expression node, String name) implements Expression {
    @Override
    public List<Expression> children() {
      return List.of(node);
    }

    @Override
    public Object value(Run run, Frame frame) {
      Object owner = node.value(run, frame);
      run.at(line);
      return Attributes.attribute(owner, name);
    }
  }

  record Item(int line, Expression node, Expression key) implements Expression {
    @Override
    public List<Expression> children() {
      return List.of(node, key);
    }

    @Override
    public Object value(Run run, Frame frame) {
      Object owner = node.value(run, frame);
      Object at = key.value(run, frame);
      run.at(line);
      run.meter().look(owner);
      return Attributes.item(owner, at);
    }
  }

  /** {@code node[start:stop:step]}; each of the three may be null. */
  record Slice(int line, Expression node, Expression start, Expression stop, Expression step) implements Expression {
    @Override
    public List<Expression> children() {
      return Stream.of(node, start, stop, step).filter(Objects::nonNull).toList();
    }

    @Override
    public Object value(Run run, Frame frame) {
      Object owner = node.value(run, frame);
      Object[] bounds = {bound(start, run, frame), bound(stop, run, frame), bound(step, run, frame)};
      run.at(line);
      run.meter().look(owner);
      return Attributes.slice(run.meter(), owner, bounds[0], bounds[1], bounds[2]);
    }

    private static Object bound(Expression bound, Run run, Frame frame) {
      return bound == null ? None.NONE : bound.value(run, frame);
    }
  }

  /** What stands between the brackets of a call. @param all {@code *all} or null @param allNamed {@code **all} or null */
  record Call(
      List<Expression> positional, Map<String, Expression> named, Expression all, Expression allNamed) {
    static final Call EMPTY = new Call(List.of(), Map.of(), null, null);

    List<Expression> children() {
      List<Expression> children = new ArrayList<>(positional);
      children.addAll(named.values());
      if (all != null) {
        children.add(all);
      }
      if (allNamed != null) {
        children.add(allNamed);
      }
      return children;
    }

    /** @param first comes before the others, as the value of a filter; may be null */
    Arguments arguments(Run run, Frame frame, Object first) {
      List<Object> values = new ArrayList<>();
      if (first != null) {
        values.add(first);
      }
      for (Expression argument : positional) {
        values.add(argument.value(run, frame));
      }
      Map<String, Object> names = new LinkedHashMap<>();
      for (Map.Entry<String, Expression> argument : named.entrySet()) {
        names.put(argument.getKey(), argument.getValue().value(run, frame));
      }
      if (all != null) {
        run.iterate(all.value(run, frame)).forEachRemaining(value -> {
          run.meter().spend(1);
          values.add(value);
        });
      }
      if (allNamed != null) {
        if (!(allNamed.value(run, frame) instanceof Dict dict)) {
          throw new JinjaException("the argument after ** must be a mapping");
        }
        for (Dict.Entry entry : dict.entries()) {
          if (!(entry.key() instanceof String name) || names.put(name, entry.value()) != null) {
            throw new JinjaException("a keyword argument is no text or given twice");
          }
        }
      }
      return new Arguments(values, names);
    }
  }

  record Invocation(int line, Expression callee, Call call) implements Expression {
    @Override
    public List<Expression> children() {
      List<Expression> children = new ArrayList<>(List.of(callee));
      children.addAll(call.children());
      return children;
    }

    @Override
    public Object value(Run run, Frame frame) {
      return value(run, frame, null);
    }

    /** @param caller what a call block hands over, or null */
    Object value(Run run, Frame frame, Macro caller) {
      Object function = callee.value(run, frame);
      Arguments arguments = call.arguments(run, frame, null);
      if (caller != null && arguments.named().put("caller", caller) != null) {
        throw new JinjaException("the argument caller is given twice");
      }
      run.at(line);
      return run.call(function, arguments);
    }
  }

  /** @param node null within a filter block or a set block */
  record Filtered(int line, Expression node, String name, Call call) implements Expression {
    @Override
    public List<Expression> children() {
      List<Expression> children = new ArrayList<>();
      if (node != null) {
        children.add(node);
      }
      children.addAll(call.children());
      return children;
    }

    @Override
    public Object value(Run run, Frame frame) {
      return value(run, frame, null);
    }

    /** @param body what a chain of filters without a value begins with */
    Object value(Run run, Frame frame, String body) {
      Object value =
          node == null ? body : node instanceof Filtered inner ? inner.value(run, frame, body) : node.value(run, frame);
      Arguments arguments = call.arguments(run, frame, value);
      run.at(line);
      run.meter().look(value);
      Object filtered = Filters.of(name).apply(run, arguments);
      run.meter().look(filtered);
      return filtered;
    }
  }

  record Tested(int line, Expression node, String name, Call call) implements Expression {
    @Override
    public List<Expression> children() {
      List<Expression> children = new ArrayList<>(List.of(node));
      children.addAll(call.children());
      return children;
    }

    @Override
    public Object value(Run run, Frame frame) {
      Object value = node.value(run, frame);
      Arguments arguments = call.arguments(run, frame, value);
      run.at(line);
      run.meter().look(value);
      return Tests.of(name).apply(run, arguments);
    }
  }
}
