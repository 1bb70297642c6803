package org.refusal.text.jinja;

import java.util.List;

/** What keys(), values() and items() of a dict give. */
record DictView(Dict dict, Kind kind) {
  enum Kind {
    KEYS,
    VALUES,
    ITEMS
  }

  List<Object> items() {
    return switch (kind) {
      case KEYS -> dict.keys();
      case VALUES -> dict.values();
      case ITEMS -> dict.entries().stream().map(entry -> (Object) Tuple.of(entry.key(), entry.value())).toList();
    };
  }
}
