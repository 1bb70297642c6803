package org.refusal.model;

import java.util.List;
import java.util.Optional;
import org.refusal.model.DecoderForm.HeadNorm;

/** Qwen3 (Yang et al. 2025, arXiv 2505.09388): norms of queries and keys head by head, a head_dim of its own. */
final class Qwen3Family implements Family {
  @Override
  public String name() {
    return "Qwen3";
  }

  @Override
  public String modelType() {
    return "qwen3";
  }

  @Override
  public String architecture() {
    return "Qwen3ForCausalLM";
  }

  @Override
  public FamilyDefaults defaults() {
    return new FamilyDefaults(
        151936, 4096, 22016, 32, 32, 32, 128, 32768, 1e-6, false, Optional.empty(), Optional.empty());
  }

  @Override
  public Biases biases(ConfigObject config) {
    return Biases.ofAttention(config, this);
  }

  @Override
  public List<Integer> slidingWindows(ConfigObject config, int layers) {
    return Qwen2Family.qwenWindows(config, layers);
  }

  @Override
  public DecoderForm form(ConfigObject config, int dModel, int headDim) {
    return DecoderForm.plain(headDim).with(HeadNorm.PER_HEAD);
  }
}
