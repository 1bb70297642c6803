package org.refusal.model;

import java.util.Iterator;
import java.util.Optional;
import java.util.Set;
import org.refusal.base.UserException;

/**
 * Rotary positions as config.json describes them. Both spellings are read: {@code rope_parameters} (transformers 5) and
 * {@code rope_scaling} beside {@code rope_theta} (transformers 4). Where both objects are there transformers 5.24 takes
 * {@code rope_scaling}, whole, and theta from the key {@code rope_theta}; other versions take theta from
 * {@code rope_parameters}, so that a difference between the two is refused.
 */
record RotaryConfig(double theta, Optional<RopeScaling> scaling) {
  private static final double DEFAULT_THETA = 10000;
  private static final Set<String> KEYS =
      Set.of(
          "rope_type", "type", "rope_theta", "factor", "low_freq_factor", "high_freq_factor",
          "original_max_position_embeddings", "partial_rotary_factor", "attention_factor", "finetuned",
          // of yarn and longrope: transformers warns of them beside another type and reads none
          "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate", "short_factor", "long_factor");

  static RotaryConfig read(ConfigObject config, int maxPositions) {
    double outer = theta(config, DEFAULT_THETA);
    boolean both = isThere(config, "rope_scaling") && isThere(config, "rope_parameters");
    if (both) {
      double inner = theta(config.object("rope_parameters"), outer);
      double taken = theta(config.object("rope_scaling"), outer);
      if (inner != taken) {
        throw UserException.badData(
            "%s: rope_scaling stands beside rope_parameters, and theta is %s by the one and %s by the other"
                .formatted(config.file(), taken, inner),
            "leave one of the two, with rope_theta in it");
      }
    }
    String key = isThere(config, "rope_scaling") ? "rope_scaling" : "rope_parameters";
    if (!isThere(config, key)) {
      return new RotaryConfig(outer, Optional.empty());
    }
    ConfigObject rope = config.object(key);
    return new RotaryConfig(theta(rope, outer), scaling(rope, config, maxPositions));
  }

  /** An empty object counts as none, as in Python. */
  private static boolean isThere(ConfigObject config, String key) {
    return config.has(key) && !(config.get(key).isObject() && config.get(key).isEmpty());
  }

  private static double theta(ConfigObject object, double byDefault) {
    return object.has("rope_theta") ? object.requiredPositive("rope_theta") : byDefault;
  }

  private static Optional<RopeScaling> scaling(ConfigObject rope, ConfigObject config, int maxPositions) {
    String type = type(rope);
    if (!Set.of("default", "linear", "dynamic", "llama3").contains(type)) {
      throw UserException.badData(
          "%s: rope_type \"%s\" is not supported: known are default, linear, dynamic and llama3".formatted(rope.file(), type));
    }
    for (Iterator<String> keys = rope.keys(); keys.hasNext(); ) {
      String key = keys.next();
      if (rope.has(key) && !KEYS.contains(key)) {
        throw rope.bad(key, "is not known for rope_type \"" + type + "\"");
      }
    }
    if (rope.number("partial_rotary_factor", 1) != 1) {
      throw rope.bad("partial_rotary_factor", "is not supported");
    }
    return switch (type) {
      case "linear" -> Optional.of(new RopeScaling.Linear(rope.requiredPositive("factor")));
      case "llama3" ->
          Optional.of(
              new RopeScaling.Llama3(
                  rope.requiredPositive("factor"),
                  rope.requiredPositive("low_freq_factor"),
                  rope.requiredPositive("high_freq_factor"),
                  original(rope, config, maxPositions)));
      case "dynamic" -> {
        rope.requiredPositive("factor");
        yield Optional.empty(); // up to max_position_embeddings, beyond which no model here goes, it is no scaling
      }
      default -> Optional.empty();
    };
  }

  private static String type(ConfigObject rope) {
    String key = rope.has("rope_type") ? "rope_type" : "type";
    if (!rope.has(key)) {
      return "default";
    }
    if (!rope.get(key).isTextual()) {
      throw rope.bad(key, "is no text");
    }
    return rope.get(key).textValue();
  }

  private static double original(ConfigObject rope, ConfigObject config, int maxPositions) {
    String key = "original_max_position_embeddings";
    if (config.has(key)) {
      return config.requiredPositive(key);
    }
    return rope.has(key) ? rope.requiredPositive(key) : maxPositions;
  }
}
