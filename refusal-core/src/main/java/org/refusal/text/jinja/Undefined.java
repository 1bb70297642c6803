package org.refusal.text.jinja;

/** A value that is not there: empty when printed or looped over, an error when used otherwise. @param message why */
record Undefined(String message) {
  static Undefined name(String name) {
    return new Undefined("'%s' is undefined".formatted(name));
  }

  static Undefined of(Object owner, Object key) {
    return new Undefined("'%s' has no attribute '%s'".formatted(Types.name(owner), key));
  }

  JinjaException fault() {
    return new JinjaException(message);
  }
}
