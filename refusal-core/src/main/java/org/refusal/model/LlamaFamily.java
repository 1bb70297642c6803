package org.refusal.model;

import java.util.Optional;

/** Llama 1 to 3.3 (Touvron et al. 2023, arXiv 2302.13971), and all that was trained in their form, SmolLM2 for one. */
final class LlamaFamily implements Family {
  @Override
  public String name() {
    return "Llama";
  }

  @Override
  public String modelType() {
    return "llama";
  }

  @Override
  public String architecture() {
    return "LlamaForCausalLM";
  }

  @Override
  public FamilyDefaults defaults() {
    return new FamilyDefaults(
        32000, 4096, 11008, 32, 32, 0, 0, 2048, 1e-6, false, Optional.of(1), Optional.empty());
  }

  @Override
  public Biases biases(ConfigObject config) {
    boolean attention = config.flag("attention_bias", false);
    return new Biases(attention, attention, config.flag("mlp_bias", false));
  }
}
