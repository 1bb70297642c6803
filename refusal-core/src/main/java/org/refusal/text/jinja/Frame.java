package org.refusal.text.jinja;

import java.util.HashMap;
import java.util.Map;

/** The variables of a block that is being rendered. Java's null is a variable without a value. */
final class Frame {
  private final Frame parent;
  private final Scope scope;
  private final Map<String, Object> context;
  private final Map<String, Object> values = new HashMap<>();
  private boolean left;

  private Frame(Frame parent, Scope scope, Map<String, Object> context) {
    this.parent = parent;
    this.scope = scope;
    this.context = context;
    scope.loads().forEach((name, load) -> {
      Object value = load == Scope.Load.RESOLVE ? resolve(name) : load == Scope.Load.ALIAS ? parent.get(name) : null;
      if (value != null) {
        values.put(name, value);
      }
    });
  }

  static Frame root(Scope scope, Map<String, Object> context) {
    return new Frame(null, scope, context);
  }

  Frame enter(Scope inner) {
    return new Frame(this, inner, context);
  }

  /** The block is over; macros that were defined in it cannot be called any more. */
  void leave() {
    left = true;
  }

  boolean isLeft() {
    return left || parent != null && parent.isLeft();
  }

  private Object resolve(String name) {
    Object value = context.get(name);
    return value == null ? Globals.of(name) : value;
  }

  Object get(String name) {
    for (Frame frame = this; frame != null; frame = frame.parent) {
      if (frame.scope.loads().containsKey(name)) {
        return frame.values.get(name);
      }
    }
    throw new IllegalStateException("a name without a scope: " + name);
  }

  void set(String name, Object value) {
    values.put(name, value);
  }

  void setIfKnown(String name, Object value) {
    if (scope.loads().get(name) == Scope.Load.PARAMETER) {
      values.put(name, value);
    }
  }
}
