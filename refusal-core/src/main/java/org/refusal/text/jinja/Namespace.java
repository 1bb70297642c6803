package org.refusal.text.jinja;

import java.util.HashMap;
import java.util.Map;

/** What namespace() gives: the only thing whose attributes a template may set. */
final class Namespace {
  private final Map<String, Object> attributes = new HashMap<>();

  void set(String name, Object value) {
    if (name.startsWith("_")) {
      throw new JinjaException("a namespace takes no attribute that begins with an underscore: '%s'".formatted(name));
    }
    attributes.put(name, value);
  }

  /** @return null if there is none */
  Object get(String name) {
    return attributes.get(name);
  }
}
