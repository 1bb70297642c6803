package org.refusal.model;

import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.refusal.model.DecoderForm.Activation;

/**
 * A family of models: how one class of transformers reads its config.json, names its tensors and computes. Where a method
 * has a body here, it says what Llama does. All families are in {@link Families}; docs/models.md says how to add one.
 */
public interface Family {

  /** As people call it. */
  String name();

  /** {@code model_type} of config.json. */
  String modelType();

  /** The class that {@code architectures} may name. */
  String architecture();

  /** What is taken for keys that are left out. */
  FamilyDefaults defaults();

  /** Keys of config.json that this family reads, beyond those that all do ({@link ConfigKeys}). */
  default Set<String> ownKeys() {
    return Set.of();
  }

  Biases biases(ConfigObject config);

  /** The gate's activation; another than this family's is refused. */
  default Activation activation(ConfigObject config) {
    config.requireOneOf("hidden_act", "silu", "swish");
    return Activation.SILU;
  }

  /** For every layer how many positions, itself included, a position sees; 0 means all before it. */
  default List<Integer> slidingWindows(ConfigObject config, int layers) {
    return SlidingWindows.none(layers);
  }

  /** Rotary positions of every layer. */
  default List<Rotary> rotaries(RotaryConfig rotary, int layers) {
    return Collections.nCopies(layers, rotary.read());
  }

  /** Names and packing of a layer's tensors; which norms there are. */
  default LayerTensors tensors() {
    return LayerTensors.LLAMA;
  }

  /** What is computed, norms' places, activation and rotated part apart, which follow from the other methods. */
  default DecoderForm form(ConfigObject config, int dModel, int headDim) {
    return DecoderForm.plain(headDim);
  }
}
