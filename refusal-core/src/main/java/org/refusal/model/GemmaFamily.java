package org.refusal.model;

import java.util.Optional;
import java.util.Set;
import org.refusal.model.DecoderForm.Activation;
import org.refusal.model.DecoderForm.Norm;

/**
 * Gemma (Gemma Team 2024, arXiv 2403.08295): norms multiply by 1 + weight, the gate is GELU, the embedding is multiplied by
 * sqrt(hidden_size) and is the head, too.
 */
final class GemmaFamily implements Family {
  @Override
  public String name() {
    return "Gemma";
  }

  @Override
  public String modelType() {
    return "gemma";
  }

  @Override
  public String architecture() {
    return "GemmaForCausalLM";
  }

  @Override
  public FamilyDefaults defaults() {
    return new FamilyDefaults(
        256000, 3072, 24576, 28, 16, 16, 256, 8192, 1e-6, true, Optional.of(2), Optional.of(0));
  }

  @Override
  public Set<String> ownKeys() {
    return Set.of("hidden_activation");
  }

  @Override
  public Biases biases(ConfigObject config) {
    return Biases.ofAttention(config, this);
  }

  /** {@code gelu} stands in old files for its approximation, which is what the models were trained with. */
  @Override
  public Activation activation(ConfigObject config) {
    config.requireOneOf("hidden_act", "gelu_pytorch_tanh", "gelu");
    config.requireOneOf("hidden_activation", "gelu_pytorch_tanh");
    return Activation.GELU_TANH;
  }

  @Override
  public DecoderForm form(ConfigObject config, int dModel, int headDim) {
    return DecoderForm.plain(headDim).with(Norm.ONE_PLUS_WEIGHT).withEmbeddingScale(Math.sqrt(dModel));
  }
}
