package org.refusal.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A piece of configuration as it was written, with the place where it was written. */
sealed interface ConfigNode {
  /** {@code FILE:LINE:COL}, {@code --set path=value}, {@code $REFUSAL_X}, or {@code default of path}. */
  String origin();

  /** Keys with their values. */
  record Section(Map<String, Entry> entries, String origin) implements ConfigNode {
    public Section {
      entries = new LinkedHashMap<>(entries);
    }

    static Section empty(String origin) {
      return new Section(Map.of(), origin);
    }
  }

  /** A key with the place of the key itself. */
  record Entry(String keyOrigin, ConfigNode value) {}

  record Items(List<ConfigNode> items, String origin) implements ConfigNode {}

  /** A text, number or truth value; {@code text} is null for null. {@code quoted} texts are never numbers. */
  record Scalar(String text, boolean quoted, String origin) implements ConfigNode {}

  /** Lays one configuration over another: sections are merged key by key, everything else is replaced. */
  static ConfigNode overlay(ConfigNode below, ConfigNode above) {
    if (!(below instanceof Section base) || !(above instanceof Section top)) {
      return above;
    }
    Map<String, Entry> merged = new LinkedHashMap<>(base.entries());
    top.entries().forEach((key, entry) ->
        merged.merge(
            key,
            entry,
            (old, fresh) -> new Entry(fresh.keyOrigin(), overlay(old.value(), fresh.value()))));
    return new Section(merged, base.origin());
  }
}
