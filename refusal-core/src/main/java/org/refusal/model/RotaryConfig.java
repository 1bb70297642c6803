package org.refusal.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.refusal.base.UserException;

/**
 * Reads rotary positions off config.json. Both spellings are read: {@code rope_parameters} (transformers 5) and {@code
 * rope_scaling} beside {@code rope_theta} (transformers 4). Where both objects are there transformers 5.24 takes {@code
 * rope_scaling}, whole, and theta from the key {@code rope_theta}; other versions take theta from {@code rope_parameters},
 * so that a difference between the two is refused.
 *
 * @param headDim components of a head
 * @param maxPositions max_position_embeddings
 */
record RotaryConfig(ConfigObject config, int headDim, int maxPositions) {
  private static final double DEFAULT_THETA = 10000;
  private static final Set<String> KEYS =
      Set.of(
          "rope_type", "type", "rope_theta", "factor", "low_freq_factor", "high_freq_factor",
          "original_max_position_embeddings", "partial_rotary_factor", "attention_factor", "finetuned",
          // of yarn and longrope: transformers warns of them beside another type and reads none
          "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate", "short_factor", "long_factor");
  private static final Set<String> TYPES = Set.of("default", "linear", "dynamic", "llama3", "yarn", "longrope");
  private static final double BETA_FAST = 32;
  private static final double BETA_SLOW = 1;

  /** The one object that holds for all layers, or what stands for it where there is none. */
  Rotary read() {
    double theta = theta();
    ConfigObject rope = object();
    if (rope == null) {
      return new Rotary(headDim, theta, RopeScaling.NONE);
    }
    String type = type(rope);
    requireKnown(rope, type);
    if (rope.number("partial_rotary_factor", 1) != 1) {
      throw rope.bad("partial_rotary_factor", "is not supported");
    }
    return read(rope, type, headDim, theta);
  }

  /** What stands outside of the objects. */
  double theta() {
    return theta(config, DEFAULT_THETA);
  }

  /** {@code rope_scaling} or {@code rope_parameters}; null if neither is there. */
  ConfigObject object() {
    boolean both = isThere("rope_scaling") && isThere("rope_parameters");
    if (both) {
      double inner = theta(config.object("rope_parameters"), theta());
      double taken = theta(config.object("rope_scaling"), theta());
      if (inner != taken) {
        throw UserException.badData(
            "%s: rope_scaling stands beside rope_parameters, and theta is %s by the one and %s by the other"
                .formatted(config.file(), taken, inner),
            "leave one of the two, with rope_theta in it");
      }
    }
    String key = isThere("rope_scaling") ? "rope_scaling" : "rope_parameters";
    return isThere(key) ? config.object(key) : null;
  }

  /** An empty object counts as none, as in Python. */
  boolean isThere(String key) {
    return config.has(key) && !(config.get(key).isObject() && config.get(key).isEmpty());
  }

  private static double theta(ConfigObject object, double byDefault) {
    return object.has("rope_theta") ? object.requiredPositive("rope_theta") : byDefault;
  }

  static String type(ConfigObject rope) {
    String key = rope.has("rope_type") ? "rope_type" : "type";
    if (!rope.has(key)) {
      return "default";
    }
    if (!rope.get(key).isTextual()) {
      throw rope.bad(key, "is no text");
    }
    return rope.get(key).textValue();
  }

  static void requireKnown(ConfigObject rope, String type) {
    if (!TYPES.contains(type)) {
      throw UserException.badData(
          "%s: rope_type \"%s\" is not supported: known are default, linear, dynamic, llama3, yarn and longrope"
              .formatted(rope.file(), type));
    }
    for (Iterator<String> keys = rope.keys(); keys.hasNext(); ) {
      String key = keys.next();
      if (rope.has(key) && !KEYS.contains(key)) {
        throw rope.bad(key, "is not known");
      }
    }
  }

  /**
   * What an object of a known type says.
   *
   * @param width components that are rotated
   * @param theta where the object names none
   */
  Rotary read(ConfigObject rope, String type, int width, double theta) {
    RopeScaling scaling =
        switch (type) {
          case "linear" -> new RopeScaling.Linear(rope.requiredPositive("factor"));
          case "llama3" ->
              new RopeScaling.Llama3(
                  rope.requiredPositive("factor"),
                  rope.requiredPositive("low_freq_factor"),
                  rope.requiredPositive("high_freq_factor"),
                  original(rope));
          case "dynamic" -> {
            rope.requiredPositive("factor");
            yield RopeScaling.NONE;
          }
          case "yarn" -> yarn(rope);
          case "longrope" -> longRope(rope, width, original(rope));
          default -> RopeScaling.NONE;
        };
    return new Rotary(width, theta(rope, theta), scaling);
  }

  private double original(ConfigObject rope) {
    String key = "original_max_position_embeddings";
    if (config.has(key)) {
      return config.requiredPositive(key);
    }
    return rope.has(key) ? rope.requiredPositive(key) : maxPositions;
  }

  private RopeScaling yarn(ConfigObject rope) {
    double original = original(rope);
    if (rope.get("factor").isMissingNode()) {
      rope.requiredPositive("factor");
    }
    double factor = rope.has("factor") ? rope.requiredPositive("factor") : maxPositions / original;
    double amplitude;
    if (rope.has("attention_factor")) {
      amplitude = rope.requiredPositive("attention_factor");
    } else if (rope.number("mscale", 0) != 0 && rope.number("mscale_all_dim", 0) != 0) {
      amplitude =
          RopeScaling.Yarn.amplitude(factor, rope.number("mscale", 0))
              / RopeScaling.Yarn.amplitude(factor, rope.number("mscale_all_dim", 0));
    } else {
      amplitude = RopeScaling.Yarn.amplitude(factor, 1);
    }
    return new RopeScaling.Yarn(
        factor, original, orElse(rope, "beta_fast", BETA_FAST), orElse(rope, "beta_slow", BETA_SLOW),
        rope.flag("truncate", true), amplitude);
  }

  /** 0 counts as absent, as in Python. */
  private static double orElse(ConfigObject rope, String key, double byDefault) {
    return rope.number(key, 0) == 0 ? byDefault : rope.requiredPositive(key);
  }

  RopeScaling longRope(ConfigObject rope, int width, double original) {
    double factor = rope.has("factor") ? rope.requiredPositive("factor") : maxPositions / original;
    double amplitude =
        rope.has("attention_factor")
            ? rope.requiredPositive("attention_factor")
            : RopeScaling.LongRope.amplitude(factor, original);
    return new RopeScaling.LongRope(
        factors(rope, "short_factor", width / 2), factors(rope, "long_factor", width / 2), (int) original, amplitude);
  }

  private static List<Double> factors(ConfigObject rope, String key, int count) {
    List<Double> factors = new ArrayList<>();
    for (JsonNode factor : rope.get(key)) {
      if (!factor.isNumber() || factor.doubleValue() <= 0) {
        throw rope.bad(key, "holds something else than numbers greater than 0");
      }
      factors.add(factor.doubleValue());
    }
    if (factors.size() != count) {
      throw rope.bad(key, "is no list of " + count + " numbers, one for each frequency");
    }
    return factors;
  }
}
