package org.refusal.model;

import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.refusal.base.UserException;
import org.refusal.model.DecoderForm.Activation;
import org.refusal.model.DecoderForm.HeadNorm;
import org.refusal.model.DecoderForm.Norm;

/**
 * Gemma 3, models of text alone (Gemma Team 2025, arXiv 2503.19786): as Gemma 2 without caps, with norms of queries and
 * keys, and with other rotary positions on the layers that have a window.
 */
final class Gemma3Family implements Family {
  private static final int WINDOW = 4096;
  private static final int PATTERN = 6;
  private static final double QUERY_SCALAR = 256;
  private static final double THETA = 1_000_000;
  private static final double LOCAL_THETA = 10_000;
  private static final String FULL = "full_attention";
  private static final String SLIDING = "sliding_attention";

  @Override
  public String name() {
    return "Gemma 3";
  }

  @Override
  public String modelType() {
    return "gemma3_text";
  }

  @Override
  public String architecture() {
    return "Gemma3ForCausalLM";
  }

  @Override
  public FamilyDefaults defaults() {
    return new FamilyDefaults(
        262208, 2304, 9216, 26, 8, 4, 256, 131072, 1e-6, true, Optional.of(2), Optional.of(0));
  }

  @Override
  public Set<String> ownKeys() {
    return Set.of(
        "hidden_activation", "query_pre_attn_scalar", "final_logit_softcapping", "sliding_window_pattern",
        "rope_local_base_freq");
  }

  @Override
  public Biases biases(ConfigObject config) {
    return Biases.ofAttention(config, this);
  }

  @Override
  public Activation activation(ConfigObject config) {
    return Gemma2Family.tanhOfHiddenActivation(config);
  }

  @Override
  public List<Integer> slidingWindows(ConfigObject config, int layers) {
    int pattern = config.positive("sliding_window_pattern", PATTERN);
    return SlidingWindows.byLayer(
        config, layers, SlidingWindows.window(config, WINDOW), layer -> (layer + 1) % pattern != 0);
  }

  /** {@code rope_scaling} is of the full layers; {@code rope_parameters} has an object for each kind. */
  @Override
  public List<Rotary> rotaries(RotaryConfig rotary, int layers) {
    ConfigObject config = rotary.config();
    double local =
        config.has("rope_local_base_freq") ? config.requiredPositive("rope_local_base_freq") : LOCAL_THETA;
    double global = config.has("rope_theta") ? config.requiredPositive("rope_theta") : THETA;
    Rotary full = new Rotary(rotary.headDim(), global, RopeScaling.NONE);
    Rotary sliding = new Rotary(rotary.headDim(), local, RopeScaling.NONE);
    if (rotary.isThere("rope_parameters")) {
      ConfigObject kinds = config.object("rope_parameters");
      requireKinds(kinds);
      full = ofKind(rotary, kinds, FULL, full);
      sliding = ofKind(rotary, kinds, SLIDING, sliding);
      if (rotary.isThere("rope_scaling")) {
        throw UserException.badData(
            "%s: rope_scaling stands beside rope_parameters".formatted(config.file()), "leave one of the two");
      }
    } else if (rotary.isThere("rope_scaling")) {
      full = read(rotary, config.object("rope_scaling"), global);
    }
    Rotary ofFull = full;
    Rotary ofSliding = sliding;
    return slidingWindows(config, layers).stream().map(window -> window > 0 ? ofSliding : ofFull).toList();
  }

  private static void requireKinds(ConfigObject kinds) {
    for (Iterator<String> keys = kinds.keys(); keys.hasNext(); ) {
      String key = keys.next();
      if (!key.equals(FULL) && !key.equals(SLIDING)) {
        throw kinds.bad(key, "is none of " + FULL + " and " + SLIDING);
      }
    }
  }

  private static Rotary ofKind(RotaryConfig rotary, ConfigObject kinds, String kind, Rotary byDefault) {
    return kinds.has(kind) ? read(rotary, kinds.object(kind), byDefault.theta()) : byDefault;
  }

  private static Rotary read(RotaryConfig rotary, ConfigObject rope, double theta) {
    String type = RotaryConfig.type(rope);
    RotaryConfig.requireKnown(rope, type);
    if (rope.number("partial_rotary_factor", 1) != 1) {
      throw rope.bad("partial_rotary_factor", "is not supported");
    }
    return rotary.read(rope, type, rotary.headDim(), theta);
  }

  @Override
  public LayerTensors tensors() {
    return LayerTensors.NORMS_ON_BOTH_SIDES;
  }

  @Override
  public DecoderForm form(ConfigObject config, int dModel, int headDim) {
    double scalar = config.positiveNumber("query_pre_attn_scalar", QUERY_SCALAR);
    return DecoderForm.plain(headDim)
        .with(Norm.ONE_PLUS_WEIGHT)
        .with(HeadNorm.PER_HEAD)
        .withEmbeddingScale(Math.sqrt(dModel))
        .withAttentionScale(1 / Math.sqrt(scalar))
        .withCaps(0, Gemma2Family.cap(config, "final_logit_softcapping", 0));
  }
}
