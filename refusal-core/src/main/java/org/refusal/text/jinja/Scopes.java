package org.refusal.text.jinja;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.text.jinja.Expressions.Name;
import org.refusal.text.jinja.Expressions.Use;
import org.refusal.text.jinja.Node.Statement;

/** The scopes of all blocks of a template. */
final class Scopes {
  private record Loop(Scope body, Scope otherwise, Scope test) {}

  /** @param caller whether the body asks for it, and so on */
  record Function(Scope scope, boolean caller, boolean kwargs, boolean varargs) {}

  private final Scope root = new Scope(null);
  private final Map<Statement, Scope> blocks = new IdentityHashMap<>();
  private final Map<Statement, Loop> loops = new IdentityHashMap<>();
  private final Map<Statements.Function, Function> functions = new IdentityHashMap<>();

  Scopes(List<Statement> template) {
    root.visitAll(template);
    descend(template, root);
  }

  Scope root() {
    return root;
  }

  Scope block(Statement block) {
    return blocks.get(block);
  }

  Scope body(Statements.For loop) {
    return loops.get(loop).body();
  }

  Scope otherwise(Statements.For loop) {
    return loops.get(loop).otherwise();
  }

  Scope test(Statements.For loop) {
    return loops.get(loop).test();
  }

  Function function(Statements.Function function) {
    return functions.get(function);
  }

  private void descend(List<? extends Node> nodes, Scope scope) {
    nodes.forEach(node -> descend(node, scope));
  }

  private void descend(Node node, Scope scope) {
    if (node instanceof Statements.For loop) {
      loops.put(loop, loop(loop, scope));
    } else if (node instanceof Statements.Macros macro) {
      function(macro.function(), scope);
    } else if (node instanceof Statements.CallBlock block) {
      function(block.function(), scope);
    } else if (node instanceof Statements.Generation block) {
      if (!asked(block.function().body(), Set.of("caller", "kwargs", "varargs")).isEmpty()) {
        throw new JinjaException(block.line(), "caller, kwargs and varargs within generation are not supported");
      }
      function(block.function(), scope);
    } else if (node instanceof Statements.FilterBlock block) {
      Scope inner = new Scope(scope);
      inner.visitAll(block.body());
      inner.visit(block.filter());
      enter(block, block.body(), inner);
    } else if (node instanceof Statements.With with) {
      Scope inner = new Scope(scope);
      inner.visitAll(with.targets());
      inner.visitAll(with.body());
      enter(with, with.body(), inner);
    } else if (node instanceof Statements.SetBlock block) {
      Scope inner = new Scope(scope);
      inner.visitAll(block.body());
      requireKnown(block, inner);
      enter(block, block.body(), inner);
    } else {
      descend(node.children(), scope);
    }
  }

  /** jinja2 reads no names from the filters of a set block, and ends in an error over those read nowhere else. */
  private static void requireKnown(Statements.SetBlock block, Scope inner) {
    if (block.filter() != null) {
      for (String name : loaded(block.filter())) {
        if (!inner.knows(name)) {
          throw new JinjaException(
              block.line(), "the name '%s' in the filter of a set block is not supported".formatted(name));
        }
      }
    }
  }

  private static List<String> loaded(Node node) {
    List<String> names = new ArrayList<>();
    if (node instanceof Name name) {
      names.add(name.name());
    }
    node.children().forEach(child -> names.addAll(loaded(child)));
    return names;
  }

  private void enter(Statement block, List<Statement> body, Scope inner) {
    blocks.put(block, inner);
    descend(body, inner);
  }

  private Loop loop(Statements.For loop, Scope scope) {
    Scope body = new Scope(scope);
    if (loop.recursive() || !asked(loop.body(), Set.of("loop")).isEmpty()) {
      body.parameter("loop");
    }
    body.parameters(loop.target());
    body.visitAll(loop.body());
    Scope otherwise = new Scope(scope);
    otherwise.visitAll(loop.otherwise());
    Scope test = new Scope(scope);
    test.parameters(loop.target());
    if (loop.test() != null) {
      test.visit(loop.test());
    }
    descend(loop.body(), body);
    descend(loop.otherwise(), otherwise);
    return new Loop(body, otherwise, test);
  }

  private void function(Statements.Function function, Scope scope) {
    Scope inner = new Scope(scope);
    visit(function, inner);
    Set<String> asked = asked(function.body(), Set.of("caller", "kwargs", "varargs"));
    List<String> parameters = function.parameters().stream().map(Name::name).toList();
    if (asked.contains("caller") && parameters.contains("caller")
        && parameters.indexOf("caller") < parameters.size() - function.defaults().size()) {
      throw new JinjaException(function.line(), "the parameter caller must be left out or have a default");
    }
    Set<String> special = new HashSet<>(asked);
    parameters.forEach(special::remove);
    special.forEach(inner::parameter);
    visit(function, inner);
    functions.put(
        function,
        new Function(inner, asked.contains("caller"), special.contains("kwargs"), special.contains("varargs")));
    descend(function.body(), inner);
  }

  private static void visit(Statements.Function function, Scope inner) {
    inner.visitAll(function.parameters());
    inner.visitAll(function.defaults());
    inner.visitAll(function.body());
  }

  /** Which of the names a body reads before it assigns them. */
  private static Set<String> asked(List<? extends Node> body, Set<String> names) {
    Set<String> open = new HashSet<>(names);
    Set<String> found = new HashSet<>();
    body.forEach(node -> ask(node, open, found));
    return found;
  }

  private static void ask(Node node, Set<String> open, Set<String> found) {
    if (node instanceof Name name) {
      if (name.use() != Use.LOAD) {
        open.remove(name.name());
      } else if (open.contains(name.name())) {
        found.add(name.name());
      }
    }
    node.children().forEach(child -> ask(child, open, found));
  }
}
