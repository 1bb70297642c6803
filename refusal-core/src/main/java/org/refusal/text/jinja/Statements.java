package org.refusal.text.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.stream.Stream;
import org.refusal.text.jinja.Expressions.Filtered;
import org.refusal.text.jinja.Expressions.Invocation;
import org.refusal.text.jinja.Expressions.Items;
import org.refusal.text.jinja.Expressions.Name;
import org.refusal.text.jinja.Expressions.NamespaceTarget;
import org.refusal.text.jinja.Node.Expression;
import org.refusal.text.jinja.Node.Flow;
import org.refusal.text.jinja.Node.Statement;

/** The statements of a template. */
final class Statements {
  /** What a turn of a loop costs in steps, at least. */
  private static final int TURN = 5;

  private Statements() {}

  static Flow render(List<Statement> body, Run run, Frame frame, StringBuilder out) {
    for (Statement statement : body) {
      run.at(statement.line());
      Flow flow = statement.render(run, frame, out);
      if (flow != Flow.NEXT) {
        return flow;
      }
    }
    return Flow.NEXT;
  }

  /** Gives a value to names, attributes of namespaces, or tuples of them. */
  static void assign(Expression target, Object value, Run run, Frame frame) {
    if (target instanceof Name name) {
      frame.set(name.name(), value);
    } else if (target instanceof NamespaceTarget attribute) {
      attribute.namespace(frame).set(attribute.attribute(), value);
    } else if (target instanceof Items tuple) {
      Iterator<Object> values = run.iterate(value);
      for (Expression part : tuple.items()) {
        if (!values.hasNext()) {
          throw new JinjaException("not enough values to unpack (expected %d)".formatted(tuple.items().size()));
        }
        assign(part, values.next(), run, frame);
      }
      if (values.hasNext()) {
        throw new JinjaException("too many values to unpack (expected %d)".formatted(tuple.items().size()));
      }
    }
  }

  private static List<? extends Node> all(Object... parts) {
    List<Node> nodes = new ArrayList<>();
    for (Object part : parts) {
      if (part instanceof Node node) {
        nodes.add(node);
      } else if (part instanceof List<?> list) {
        list.forEach(each -> nodes.add((Node) each));
      }
    }
    return nodes;
  }

  /** Text as it stands. */
  record Data(int line, String text) implements Statement {
    @Override
    public List<Node> children() {
      return List.of();
    }

    @Override
    public Flow render(Run run, Frame frame, StringBuilder out) {
      run.write(out, text);
      return Flow.NEXT;
    }
  }

  record Print(int line, Expression value) implements Statement {
    @Override
    public List<Node> children() {
      return List.of(value);
    }

    @Override
    public Flow render(Run run, Frame frame, StringBuilder out) {
      run.write(out, Texts.of(value.value(run, frame)));
      return Flow.NEXT;
    }
  }

  record Branch(int line, Expression test, List<Statement> body) implements Node {
    @Override
    public List<? extends Node> children() {
      return all(test, body);
    }
  }

  /** @param branches if, then every elif */
  record If(int line, List<Branch> branches, List<Statement> otherwise) implements Statement {
    @Override
    public List<? extends Node> children() {
      return all(branches.get(0).test(), branches.get(0).body(), branches.subList(1, branches.size()), otherwise);
    }

    @Override
    public Flow render(Run run, Frame frame, StringBuilder out) {
      for (Branch branch : branches) {
        if (Types.truth(branch.test().value(run, frame))) {
          return Statements.render(branch.body(), run, frame, out);
        }
      }
      return Statements.render(otherwise, run, frame, out);
    }
  }

  /** @param test may be null */
  record For(
      int line, Expression target, Expression items, List<Statement> body, List<Statement> otherwise, Expression test,
      boolean recursive)
      implements Statement {
    @Override
    public List<? extends Node> children() {
      return all(target, items, body, otherwise, test);
    }

    @Override
    public Flow render(Run run, Frame frame, StringBuilder out) {
      Object values = items.value(run, frame);
      run.at(line);
      if (!recursive) {
        return loop(run, frame, values, 0, out);
      }
      run.write(out, again(run, frame, values, 0));
      return Flow.NEXT;
    }

    /** The text of a recursive loop. */
    String again(Run run, Frame frame, Object values, int depth) {
      run.meter().enter();
      StringBuilder inner = new StringBuilder();
      loop(run, frame, values, depth, inner);
      run.meter().leave();
      return inner.toString();
    }

    private Flow loop(Run run, Frame frame, Object values, int depth, StringBuilder out) {
      Iterator<Object> all = run.iterate(values);
      Loop loop =
          test == null
              ? new Loop(all, Types.size(values), depth)
              : new Loop(new Kept(run, frame, all, frame.enter(run.scopes().test(this))), -1, depth);
      if (recursive) {
        loop.recurseBy(inner -> again(run, frame, inner, depth + 1));
      }
      boolean empty = true;
      while (loop.hasNext()) {
        run.meter().spend(TURN);
        Frame inner = frame.enter(run.scopes().body(this));
        assign(target, loop.next(), run, inner);
        inner.setIfKnown("loop", loop);
        Flow flow = Statements.render(body, run, inner, out);
        inner.leave();
        if (flow == Flow.BREAK) {
          break;
        }
        empty &= flow == Flow.CONTINUE; // as in jinja2, a turn that ends early does not count against else
      }
      return empty && !otherwise.isEmpty() ? otherwise(run, frame, out) : Flow.NEXT;
    }

    private Flow otherwise(Run run, Frame frame, StringBuilder out) {
      Frame inner = frame.enter(run.scopes().otherwise(this));
      Flow flow = Statements.render(otherwise, run, inner, out);
      inner.leave();
      return flow;
    }

    /** The elements for which the test holds, looked at one by one as the loop goes on. */
    private final class Kept implements Iterator<Object> {
      private final Run run;
      private final Iterator<Object> all;
      private final Frame inner;
      private Object next;

      Kept(Run run, Frame frame, Iterator<Object> all, Frame inner) {
        this.run = run;
        this.all = all;
        this.inner = inner;
      }

      @Override
      public boolean hasNext() {
        while (next == null && all.hasNext()) {
          run.meter().spend(1);
          assign(target, all.next(), run, inner);
          if (Types.truth(test.value(run, inner))) {
            next = assigned(target);
          }
        }
        return next != null;
      }

      private Object assigned(Expression part) {
        return part instanceof Items tuple
            ? new Tuple(tuple.items().stream().map(this::assigned).toList())
            : part.value(run, inner);
      }

      @Override
      public Object next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        Object value = next;
        next = null;
        return value;
      }
    }
  }

  record Jump(int line, Flow flow) implements Statement {
    @Override
    public List<Node> children() {
      return List.of();
    }

    @Override
    public Flow render(Run run, Frame frame, StringBuilder out) {
      return flow;
    }
  }

  /** @param defaults of the last parameters @param body of a macro or of a call block */
  record Function(int line, String name, List<Name> parameters, List<Expression> defaults, List<Statement> body) {}

  record Macros(Function function) implements Statement {
    @Override
    public int line() {
      return function.line();
    }

    @Override
    public List<? extends Node> children() {
      return all(function.parameters(), function.defaults(), function.body());
    }

    @Override
    public Flow render(Run run, Frame frame, StringBuilder out) {
      frame.set(function.name(), new Macro(function, run.scopes().function(function), frame));
      return Flow.NEXT;
    }
  }

  record CallBlock(Invocation call, Function function) implements Statement {
    @Override
    public int line() {
      return function.line();
    }

    @Override
    public List<? extends Node> children() {
      return all(call, function.parameters(), function.defaults(), function.body());
    }

    @Override
    public Flow render(Run run, Frame frame, StringBuilder out) {
      Macro caller = new Macro(function, run.scopes().function(function), frame);
      run.write(out, Texts.of(call.value(run, frame, caller)));
      return Flow.NEXT;
    }
  }

  /** The assistant's words, which transformers marks for training; here they are written as they are. */
  record Generation(Function function) implements Statement {
    @Override
    public int line() {
      return function.line();
    }

    @Override
    public List<? extends Node> children() {
      return all(function.body());
    }

    @Override
    public Flow render(Run run, Frame frame, StringBuilder out) {
      run.write(
          out,
          (String) new Macro(function, run.scopes().function(function), frame).call(run, Arguments.NONE));
      return Flow.NEXT;
    }
  }

  record FilterBlock(int line, Filtered filter, List<Statement> body) implements Statement {
    @Override
    public List<? extends Node> children() {
      return all(body, filter);
    }

    @Override
    public Flow render(Run run, Frame frame, StringBuilder out) {
      Frame inner = frame.enter(run.scopes().block(this));
      StringBuilder text = new StringBuilder();
      Flow flow = Statements.render(body, run, inner, text);
      if (flow == Flow.NEXT) {
        run.write(out, Texts.of(filter.value(run, inner, text.toString())));
      }
      inner.leave();
      return flow;
    }
  }

  record With(int line, List<Expression> targets, List<Expression> values, List<Statement> body)
      implements Statement {
    @Override
    public List<? extends Node> children() {
      return all(targets, values, body);
    }

    @Override
    public Flow render(Run run, Frame frame, StringBuilder out) {
      Frame inner = frame.enter(run.scopes().block(this));
      for (int i = 0; i < targets.size(); i++) {
        assign(targets.get(i), values.get(i).value(run, frame), run, inner);
      }
      Flow flow = Statements.render(body, run, inner, out);
      inner.leave();
      return flow;
    }
  }

  record Set(int line, Expression target, Expression value) implements Statement {
    @Override
    public List<? extends Node> children() {
      return List.of(target, value);
    }

    @Override
    public Flow render(Run run, Frame frame, StringBuilder out) {
      requireNamespaces(target, frame);
      Object assigned = value.value(run, frame);
      run.at(line);
      assign(target, assigned, run, frame);
      return Flow.NEXT;
    }

    private static void requireNamespaces(Expression part, Frame frame) {
      if (part instanceof NamespaceTarget attribute) {
        attribute.namespace(frame);
      } else if (part instanceof Items tuple) {
        tuple.items().forEach(each -> requireNamespaces(each, frame));
      }
    }
  }

  /** @param filter may be null */
  record SetBlock(int line, Expression target, Filtered filter, List<Statement> body) implements Statement {
    @Override
    public List<? extends Node> children() {
      return Stream.of(all(target, filter, body)).filter(Objects::nonNull).flatMap(List::stream).toList();
    }

    @Override
    public Flow render(Run run, Frame frame, StringBuilder out) {
      Frame inner = frame.enter(run.scopes().block(this));
      StringBuilder text = new StringBuilder();
      Flow flow = Statements.render(body, run, inner, text);
      if (flow == Flow.NEXT) {
        Object value = filter == null ? text.toString() : filter.value(run, inner, text.toString());
        run.at(line);
        assign(target, value, run, frame);
      }
      inner.leave();
      return flow;
    }
  }
}
