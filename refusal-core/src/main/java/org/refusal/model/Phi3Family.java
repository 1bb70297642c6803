package org.refusal.model;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.refusal.base.UserException;

/**
 * Phi-3 and Phi-4 (Abdin et al. 2024, arXiv 2404.14219): fused projections; in the models of long context LongRoPE, in
 * Phi-4-mini on a part of each head.
 */
final class Phi3Family implements Family {
  private static final int ORIGINAL = 4096;
  private static final Set<String> LONGROPE = Set.of("longrope", "su", "yarn");

  @Override
  public String name() {
    return "Phi-3";
  }

  @Override
  public String modelType() {
    return "phi3";
  }

  @Override
  public String architecture() {
    return "Phi3ForCausalLM";
  }

  @Override
  public FamilyDefaults defaults() {
    return new FamilyDefaults(
        32064, 3072, 8192, 32, 32, 0, 0, 4096, 1e-5, false, Optional.of(1), Optional.of(32000));
  }

  @Override
  public Set<String> ownKeys() {
    return Set.of("partial_rotary_factor");
  }

  @Override
  public Biases biases(ConfigObject config) {
    Biases.refuse(config, "attention_bias", this);
    Biases.refuse(config, "mlp_bias", this);
    return Biases.NONE;
  }

  @Override
  public List<Integer> slidingWindows(ConfigObject config, int layers) {
    return SlidingWindows.sameForAll(config, layers, 0, this);
  }

  @Override
  public List<Rotary> rotaries(RotaryConfig rotary, int layers) {
    return Collections.nCopies(layers, rotary(rotary));
  }

  /** Only LongRoPE, of which {@code su} and {@code yarn} are older names; the original length beside the object counts. */
  private static Rotary rotary(RotaryConfig rotary) {
    ConfigObject config = rotary.config();
    ConfigObject rope = rotary.object();
    ConfigObject of = rope != null && rope.has("partial_rotary_factor") ? rope : config;
    int width = (int) (rotary.headDim() * of.number("partial_rotary_factor", 1));
    if (width < 2 || width > rotary.headDim() || width % 2 != 0) {
      throw of.bad("partial_rotary_factor", "does not leave an even part of a head of " + rotary.headDim());
    }
    String type = rope == null ? "default" : RotaryConfig.type(rope);
    if (rope == null || type.equals("default")) {
      if (rope != null) {
        RotaryConfig.requireKnown(rope, type);
      }
      double theta = rope != null && rope.has("rope_theta") ? rope.requiredPositive("rope_theta") : rotary.theta();
      return new Rotary(width, theta, RopeScaling.NONE);
    }
    if (!LONGROPE.contains(type)) {
      throw UserException.badData(
          "%s: rope_type \"%s\" is not supported: phi3 models of transformers have default and longrope"
              .formatted(config.file(), type));
    }
    RotaryConfig.requireKnown(rope, "longrope");
    double theta = rope.has("rope_theta") ? rope.requiredPositive("rope_theta") : rotary.theta();
    int original = config.positive("original_max_position_embeddings", ORIGINAL);
    return new Rotary(width, theta, rotary.longRope(rope, width, original));
  }

  @Override
  public LayerTensors tensors() {
    return LayerTensors.FUSED;
  }
}
