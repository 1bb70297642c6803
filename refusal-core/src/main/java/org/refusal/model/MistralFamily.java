package org.refusal.model;

import java.util.List;
import java.util.Optional;

/** Mistral 7B (Jiang et al. 2023, arXiv 2310.06825) and Nemo: one sliding window for all layers, or none. */
final class MistralFamily implements Family {
  private static final int WINDOW = 4096;

  @Override
  public String name() {
    return "Mistral";
  }

  @Override
  public String modelType() {
    return "mistral";
  }

  @Override
  public String architecture() {
    return "MistralForCausalLM";
  }

  @Override
  public FamilyDefaults defaults() {
    return new FamilyDefaults(
        32000, 4096, 14336, 32, 32, 8, 0, 131072, 1e-6, false, Optional.of(1), Optional.empty());
  }

  @Override
  public Biases biases(ConfigObject config) {
    Biases.refuse(config, "attention_bias", this);
    Biases.refuse(config, "mlp_bias", this);
    return Biases.NONE;
  }

  @Override
  public List<Integer> slidingWindows(ConfigObject config, int layers) {
    return SlidingWindows.sameForAll(config, layers, WINDOW, this);
  }
}
