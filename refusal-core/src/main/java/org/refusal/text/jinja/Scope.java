package org.refusal.text.jinja;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.text.jinja.Expressions.Items;
import org.refusal.text.jinja.Expressions.Name;
import org.refusal.text.jinja.Expressions.NamespaceTarget;

/**
 * The names of a block and where each has its first value from. jinja2 decides this before rendering: a name that a
 * block assigns is the block's own from its beginning, with the outer value first; a branch of {@code if} is no block.
 */
final class Scope {
  /** Where a variable's value comes from when its block begins. */
  enum Load {
    PARAMETER,
    RESOLVE,
    ALIAS,
    UNDEFINED
  }

  private final Scope parent;
  private final Map<String, Load> loads;
  private final Set<String> stores;

  Scope(Scope parent) {
    this(parent, new LinkedHashMap<>(), new HashSet<>());
  }

  private Scope(Scope parent, Map<String, Load> loads, Set<String> stores) {
    this.parent = parent;
    this.loads = loads;
    this.stores = stores;
  }

  Map<String, Load> loads() {
    return loads;
  }

  boolean knows(String name) {
    return loads.containsKey(name) || isOuter(name);
  }

  private boolean isOuter(String name) {
    return parent != null && parent.knows(name);
  }

  private void store(String name) {
    stores.add(name);
    if (!loads.containsKey(name)) {
      loads.put(name, isOuter(name) ? Load.ALIAS : Load.UNDEFINED);
    }
  }

  void parameter(String name) {
    stores.add(name);
    loads.put(name, Load.PARAMETER);
  }

  private void load(String name) {
    if (!knows(name)) {
      loads.put(name, Load.RESOLVE);
    }
  }

  /** Reads what belongs to this block; what blocks within it assign is theirs. */
  void visit(Node node) {
    if (node instanceof Name name) {
      switch (name.use()) {
        case LOAD -> load(name.name());
        case STORE -> store(name.name());
        case PARAMETER -> parameter(name.name());
      }
    } else if (node instanceof NamespaceTarget target) {
      load(target.name());
    } else if (node instanceof Statements.If branches) {
      visitBranches(branches);
    } else if (node instanceof Statements.Macros macro) {
      store(macro.function().name());
    } else if (node instanceof Statements.Set assignment) {
      visit(assignment.value());
      visit(assignment.target());
    } else if (node instanceof Statements.For loop) {
      visit(loop.items());
    } else if (node instanceof Statements.CallBlock block) {
      visit(block.call());
    } else if (node instanceof Statements.FilterBlock block) {
      visit(block.filter());
    } else if (node instanceof Statements.With with) {
      with.values().forEach(this::visit);
    } else if (node instanceof Statements.SetBlock block) {
      visit(block.target());
    } else if (!(node instanceof Statements.Generation)) {
      visitAll(node.children());
    }
  }

  void visitAll(List<? extends Node> nodes) {
    nodes.forEach(this::visit);
  }

  /** The targets of a loop are its parameters. */
  void parameters(Node target) {
    if (target instanceof Name name) {
      parameter(name.name());
    } else if (target instanceof Items tuple) {
      tuple.items().forEach(this::parameters);
    }
  }

  private void visitBranches(Statements.If node) {
    visit(node.branches().get(0).test());
    Scope body = copy();
    body.visitAll(node.branches().get(0).body());
    Scope elifs = copy();
    for (Statements.Branch branch : node.branches().subList(1, node.branches().size())) {
      elifs.visitBranches(new Statements.If(branch.line(), List.of(branch), List.of()));
    }
    Scope otherwise = copy();
    otherwise.visitAll(node.otherwise());
    merge(List.of(body, elifs, otherwise));
  }

  private Scope copy() {
    return new Scope(parent, new LinkedHashMap<>(loads), new HashSet<>(stores));
  }

  private void merge(List<Scope> branches) {
    Set<String> stored = new HashSet<>();
    branches.forEach(branch -> stored.addAll(branch.stores));
    stored.removeAll(stores);
    for (Scope branch : branches) {
      loads.putAll(branch.loads);
      stores.addAll(branch.stores);
    }
    for (String name : stored) {
      loads.put(name, isOuter(name) ? Load.ALIAS : Load.RESOLVE);
    }
  }
}
