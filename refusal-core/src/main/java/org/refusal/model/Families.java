package org.refusal.model;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Every family that there is. */
public final class Families {
  private static final List<Family> ALL =
      distinct(
          List.of(
              new LlamaFamily(),
              new MistralFamily(),
              new Qwen2Family(),
              new Qwen3Family(),
              new GemmaFamily(),
              new Gemma2Family(),
              new Gemma3Family(),
              new Phi3Family(),
              new Olmo2Family()));

  private Families() {}

  public static List<Family> all() {
    return ALL;
  }

  /** Their names for people, separated by commas. */
  public static String names() {
    return ALL.stream().map(Family::name).collect(Collectors.joining(", "));
  }

  /** @throws org.refusal.base.UserException naming model_type, if no family answers to it */
  static Family of(ConfigObject config) {
    String type = config.get("model_type").asText("");
    return ALL.stream()
        .filter(family -> family.modelType().equals(type))
        .findFirst()
        .orElseThrow(
            () -> config.bad("model_type", "is none of " + ALL.stream().map(Family::modelType).sorted().toList()));
  }

  /** @throws IllegalStateException if two answer to one model_type or architecture, or have one name */
  static List<Family> distinct(List<Family> families) {
    Set<String> taken = new HashSet<>();
    for (Family family : families) {
      for (String each : Set.of("name " + family.name(), "model_type " + family.modelType(), "class " + family.architecture())) {
        if (!taken.add(each)) {
          throw new IllegalStateException("two families have the " + each);
        }
      }
    }
    return families;
  }
}
