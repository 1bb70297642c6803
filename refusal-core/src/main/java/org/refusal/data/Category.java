package org.refusal.data;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.text.Normalizer;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
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

  /**
   * One line for each set of names that differ only in capitals, blanks, hyphens or the like ({@code Self-harm},
   * {@code self_harm}): they are taken for different categories, and are probably one.
   */
  public static List<String> spellings(Collection<Category> categories) {
    Map<String, TreeSet<String>> byLetters = new TreeMap<>();
    categories.forEach(
        category -> byLetters.computeIfAbsent(category.letters(), letters -> new TreeSet<>()).add(category.name()));
    return byLetters.values().stream()
        .filter(names -> names.size() > 1)
        .map(names ->
            "categories %s differ in spelling only and are taken for %d categories; if they are one, give it one name in the files"
                .formatted(String.join(" and ", names.stream().map(name -> "'" + name + "'").toList()), names.size()))
        .toList();
  }

  private String letters() {
    String letters =
        Normalizer.normalize(name, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N}]+", "");
    return letters.isEmpty() ? name : letters;
  }

  /** Whether a name has characters that no line of text can show: it is a cell that was not meant as one. */
  static boolean isGarbled(String name) {
    return name.codePoints().anyMatch(c -> Character.isISOControl(c) || c == '\u2028' || c == '\u2029');
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
