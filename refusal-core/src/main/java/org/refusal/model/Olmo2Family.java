package org.refusal.model;

import java.util.Optional;
import org.refusal.model.DecoderForm.HeadNorm;
import org.refusal.model.DecoderForm.Norm;

/**
 * OLMo 2 (OLMo Team 2024, arXiv 2501.00656): norms after attention and MLP and none before; queries and keys are normed over
 * all heads at once.
 */
final class Olmo2Family implements Family {
  @Override
  public String name() {
    return "OLMo 2";
  }

  @Override
  public String modelType() {
    return "olmo2";
  }

  @Override
  public String architecture() {
    return "Olmo2ForCausalLM";
  }

  @Override
  public FamilyDefaults defaults() {
    return new FamilyDefaults(
        50304, 4096, 11008, 32, 32, 0, 0, 2048, 1e-5, false, Optional.empty(), Optional.of(1));
  }

  @Override
  public Biases biases(ConfigObject config) {
    return Biases.ofAttention(config, this);
  }

  @Override
  public LayerTensors tensors() {
    return LayerTensors.NORMS_AFTER;
  }

  @Override
  public DecoderForm form(ConfigObject config, int dModel, int headDim) {
    return DecoderForm.plain(headDim).with(Norm.WEIGHT_BEFORE_ROUNDING).with(HeadNorm.FULL_WIDTH);
  }
}
