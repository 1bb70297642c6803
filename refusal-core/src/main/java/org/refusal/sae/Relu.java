package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.Map;
import java.util.Set;

/** f = ReLU(p): the first sparse autoencoders, trained with an L1 penalty (Bricken et al. 2023). */
public record Relu() implements Architecture {
  static final Form FORM = new Form("relu", "standard", "b_enc", Set.of(), Set.of(), given -> new Relu());

  @Override
  public Form form() {
    return FORM;
  }

  @Override
  public Map<String, Object> settings() {
    return Map.of();
  }

  @Override
  public Map<String, float[]> parameters() {
    return Map.of();
  }

  @Override
  public String summary() {
    return "relu";
  }

  @Override
  public void check(int dSae) {
    // no parameters
  }

  @Override
  public Architecture scaled(float[] factors) {
    return this;
  }

  @Override
  public Activation on(NDManager manager, DataType dtype, NDArray bEnc) {
    return p -> p.getNDArrayInternal().relu();
  }
}
