package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;

/**
 * f = ReLU(p) where p is strictly above the latent's threshold, else 0 (Rajamanoharan et al. 2024, JumpReLU).
 *
 * @param threshold {@code [d_sae]}
 */
public record JumpRelu(float[] threshold) implements Architecture {
  static final Form FORM =
      new Form(
          "jumprelu", "jumprelu", "b_enc", Set.of(), Set.of("threshold"),
          given -> new JumpRelu(given.vector("threshold")));

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
    return Map.of("threshold", threshold);
  }

  @Override
  public String summary() {
    return "jumprelu";
  }

  @Override
  public void check(int dSae) {
    Parameters.check("threshold", threshold, dSae);
  }

  @Override
  public Architecture scaled(float[] factors) {
    return new JumpRelu(Parameters.product(threshold, factors));
  }

  @Override
  public Activation on(NDManager manager, DataType dtype, NDArray bEnc) {
    return new Thresholds(Parameters.array(manager, threshold, dtype, threshold.length));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof JumpRelu that && Arrays.equals(threshold, that.threshold);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(threshold);
  }
}
