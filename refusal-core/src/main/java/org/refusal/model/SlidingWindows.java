package org.refusal.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.IntPredicate;

/** For every layer how many positions, itself included, a position sees; 0 stands for all before it. */
final class SlidingWindows {
  private SlidingWindows() {}

  static List<Integer> none(int layers) {
    return Collections.nCopies(layers, 0);
  }

  /** {@code sliding_window}: a missing key has the default of the class, null means none. 0 for none. */
  static int window(ConfigObject config, int byDefault) {
    return config.get("sliding_window").isMissingNode() ? byDefault : config.positive("sliding_window", 0);
  }

  /** Layers that {@code layer_types} calls sliding, or, where it is not there, those that the class does. */
  static List<Integer> byLayer(ConfigObject config, int layers, int window, IntPredicate slidesByDefault) {
    List<Integer> windows = new ArrayList<>();
    List<Boolean> sliding = sliding(config, layers, slidesByDefault);
    for (int layer = 0; layer < layers; layer++) {
      if (sliding.get(layer) && window == 0) {
        throw config.has("layer_types")
            ? config.bad("layer_types", "gives layer " + layer + " a sliding window, and the config has none")
            : config.bad("sliding_window", "is none, and layer " + layer + " slides");
      }
      windows.add(sliding.get(layer) ? window : 0);
    }
    return windows;
  }

  static List<Boolean> sliding(ConfigObject config, int layers, IntPredicate slidesByDefault) {
    boolean listed = config.has("layer_types");
    if (listed && config.get("layer_types").size() != layers) {
      throw config.bad("layer_types", "does not name one kind for each of " + layers + " layers");
    }
    List<Boolean> sliding = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      sliding.add(listed ? isSliding(config, layer) : slidesByDefault.test(layer));
    }
    return sliding;
  }

  private static boolean isSliding(ConfigObject config, int layer) {
    String kind = config.get("layer_types").path(layer).asText();
    if (!kind.equals("sliding_attention") && !kind.equals("full_attention")) {
      throw config.bad("layer_types", "does not say sliding_attention or full_attention for layer " + layer);
    }
    return kind.equals("sliding_attention");
  }

  /** One window, or none, for all layers: {@code layer_types} that says otherwise is refused. */
  static List<Integer> sameForAll(ConfigObject config, int layers, int byDefault, Family family) {
    int window = window(config, byDefault);
    List<Integer> windows = byLayer(config, layers, window, layer -> window > 0);
    if (windows.stream().anyMatch(each -> each != window)) {
      throw config.bad(
          "layer_types",
          "differs from layer to layer: %s models of transformers have one window, or none, for all"
              .formatted(family.modelType()));
    }
    return windows;
  }
}
