package org.refusal.model;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.refusal.model.DecoderForm.Activation;
import org.refusal.model.DecoderForm.Norm;

/**
 * Gemma 2 (Gemma Team 2024, arXiv 2408.00118): as Gemma, with norms after attention and MLP too, capped attention and
 * logits, a scale of attention of its own and a window on every other layer, the first among them.
 */
final class Gemma2Family implements Family {
  private static final int WINDOW = 4096;
  private static final double QUERY_SCALAR = 256;
  private static final double ATTENTION_CAP = 50;
  private static final double LOGIT_CAP = 30;

  @Override
  public String name() {
    return "Gemma 2";
  }

  @Override
  public String modelType() {
    return "gemma2";
  }

  @Override
  public String architecture() {
    return "Gemma2ForCausalLM";
  }

  @Override
  public FamilyDefaults defaults() {
    return new FamilyDefaults(
        256000, 2304, 9216, 26, 8, 4, 256, 8192, 1e-6, true, Optional.of(2), Optional.of(0));
  }

  @Override
  public Set<String> ownKeys() {
    return Set.of(
        "hidden_activation", "query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping",
        "sliding_window_size");
  }

  @Override
  public Biases biases(ConfigObject config) {
    return Biases.ofAttention(config, this);
  }

  @Override
  public Activation activation(ConfigObject config) {
    return tanhOfHiddenActivation(config);
  }

  /** {@code hidden_activation} decides; {@code hidden_act}, which is not read, must not say otherwise. */
  static Activation tanhOfHiddenActivation(ConfigObject config) {
    config.requireOneOf("hidden_activation", "gelu_pytorch_tanh");
    config.requireOneOf("hidden_act", "gelu_pytorch_tanh", "gelu");
    return Activation.GELU_TANH;
  }

  /** The first files have {@code sliding_window_size}, too, which no version reads. */
  @Override
  public List<Integer> slidingWindows(ConfigObject config, int layers) {
    int window = SlidingWindows.window(config, WINDOW);
    if (config.positive("sliding_window_size", window) != window) {
      throw config.bad("sliding_window_size", "is not sliding_window, " + window);
    }
    return SlidingWindows.byLayer(config, layers, window, layer -> layer % 2 == 0);
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
        .withEmbeddingScale(Math.sqrt(dModel))
        .withAttentionScale(1 / Math.sqrt(scalar))
        .withCaps(
            cap(config, "attn_logit_softcapping", ATTENTION_CAP), cap(config, "final_logit_softcapping", LOGIT_CAP));
  }

  /** A missing key has the default of the class, null means none. 0 for none. */
  static double cap(ConfigObject config, String key, double byDefault) {
    return config.get(key).isMissingNode() ? byDefault : config.positiveNumber(key, 0);
  }
}
