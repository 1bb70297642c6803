package org.refusal.model;

import java.util.List;
import java.util.Optional;

/** Qwen2 and Qwen2.5 (Yang et al. 2024, arXiv 2407.10671): biases on queries, keys and values. */
final class Qwen2Family implements Family {
  private static final int WINDOW = 4096;
  private static final int MAX_WINDOW_LAYERS = 28;

  @Override
  public String name() {
    return "Qwen2";
  }

  @Override
  public String modelType() {
    return "qwen2";
  }

  @Override
  public String architecture() {
    return "Qwen2ForCausalLM";
  }

  @Override
  public FamilyDefaults defaults() {
    return new FamilyDefaults(
        151936, 4096, 22016, 32, 32, 32, 0, 32768, 1e-6, false, Optional.empty(), Optional.empty());
  }

  @Override
  public Biases biases(ConfigObject config) {
    Biases.refuse(config, "mlp_bias", this);
    return new Biases(true, false, false);
  }

  @Override
  public List<Integer> slidingWindows(ConfigObject config, int layers) {
    return qwenWindows(config, layers);
  }

  /** Layers from max_window_layers on, if use_sliding_window; layer_types overrules. */
  static List<Integer> qwenWindows(ConfigObject config, int layers) {
    int window = config.flag("use_sliding_window", false) ? SlidingWindows.window(config, WINDOW) : 0;
    int first = config.fromZero("max_window_layers", MAX_WINDOW_LAYERS);
    return SlidingWindows.byLayer(config, layers, window, layer -> window > 0 && layer >= first);
  }
}
