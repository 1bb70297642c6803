package org.refusal.text.jinja;

import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** What a function is called with. @param named in the order in which they were written */
record Arguments(List<Object> positional, Map<String, Object> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  /**
   * The values of a Python function's parameters.
   *
   * @param parameters names, those that may be left out with a ? behind, those that are never given by name with a /
   * @return Java's null for those left out
   */
  Object[] bind(String function, String... parameters) {
    if (positional.size() > parameters.length) {
      throw new JinjaException("%s() takes at most %d arguments".formatted(function, parameters.length));
    }
    Object[] values = Arrays.copyOf(positional.toArray(), parameters.length);
    for (Map.Entry<String, Object> entry : named.entrySet()) {
      int index = 0;
      while (index < parameters.length && !parameters[index].replace("?", "").equals(entry.getKey())) {
        index++;
      }
      if (index == parameters.length || values[index] != null) {
        throw new JinjaException("%s() got an unexpected argument '%s'".formatted(function, entry.getKey()));
      }
      values[index] = entry.getValue();
    }
    for (int i = 0; i < parameters.length; i++) {
      if (values[i] == null && !parameters[i].endsWith("?")) {
        throw new JinjaException(
            "%s() misses the argument '%s'".formatted(function, parameters[i].replace("/", "")));
      }
    }
    return values;
  }
}
