package org.refusal.data;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.List;
import java.util.stream.Stream;

/** A harm category, by its name in the data files. Categories sort by name. */
public record Category(@JsonValue String name) implements Comparable<Category> {
  /** The ten of OR-Bench; other data sets bring their own. */
  public static final List<Category> OR_BENCH =
      Stream.of(
              "deception",
              "harassment",
              "harmful",
              "hate",
              "illegal",
              "privacy",
              "self-harm",
              "sexual",
              "unethical",
              "violence")
          .map(Category::new)
          .toList();

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public Category {
    if (name.isBlank()) {
      throw new IllegalArgumentException("a category needs a name");
    }
  }

  @Override
  public int compareTo(Category other) {
    return name.compareTo(other.name);
  }

  @Override
  public String toString() {
    return name;
  }
}
