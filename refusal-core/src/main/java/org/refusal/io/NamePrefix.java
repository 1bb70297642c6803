package org.refusal.io;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What wrappers of a module put before every name of its state: torch.compile {@code _orig_mod.}, DataParallel
 * {@code module.}, and both in either order.
 */
public final class NamePrefix {
  private static final List<String> WRAPPERS = List.of("_orig_mod.", "module.");

  private NamePrefix() {}

  /** The longest chain of wrappers that all names begin with; empty if there is none. */
  public static String common(Collection<String> names) {
    String prefix = "";
    for (boolean grown = !names.isEmpty(); grown; ) {
      grown = false;
      for (String wrapper : WRAPPERS) {
        String longer = prefix + wrapper;
        if (names.stream().allMatch(name -> name.startsWith(longer) && name.length() > longer.length())) {
          prefix = longer;
          grown = true;
        }
      }
    }
    return prefix;
  }

  /** The same values under their names without that prefix, in the same order. */
  public static <V> Map<String, V> strip(Map<String, V> named) {
    int length = common(named.keySet()).length();
    Map<String, V> plain = new LinkedHashMap<>();
    named.forEach((name, value) -> plain.put(name.substring(length), value));
    return plain;
  }
}
