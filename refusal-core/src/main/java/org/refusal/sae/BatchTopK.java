package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;

/**
 * Trained to keep the k largest values per token on average over a batch (Bussmann et al. 2024); in use, ReLU(p) where it is
 * strictly above one threshold, however many latents that are. Also the whole dictionary of a Matryoshka autoencoder. In
 * cfg.json a jumprelu, as SAELens has it.
 */
public record BatchTopK(float threshold) implements Architecture {
  static final Form FORM =
      new Form("batchtopk", "jumprelu", "b_enc", Set.of(), Set.of("threshold"), BatchTopK::read);

  private static Architecture read(Given given) {
    float[] thresholds = given.vector("threshold");
    for (float threshold : thresholds) {
      if (threshold != thresholds[0]) {
        throw given.wrong("a batchtopk autoencoder has one threshold, not %s and %s".formatted(thresholds[0], threshold));
      }
    }
    return new BatchTopK(thresholds[0]);
  }

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
    return Map.of("threshold", new float[] {threshold});
  }

  @Override
  public String summary() {
    return "batchtopk, threshold " + threshold;
  }

  @Override
  public void check(int dSae) {
    // one threshold fits any number of latents
  }

  /** Then every latent has a threshold of its own. */
  @Override
  public Architecture scaled(float[] factors) {
    float[] thresholds = new float[factors.length];
    Arrays.fill(thresholds, threshold);
    return new JumpRelu(thresholds).scaled(factors);
  }

  @Override
  public Activation on(NDManager manager, DataType dtype, NDArray bEnc) {
    return new Thresholds(Parameters.array(manager, new float[] {threshold}, dtype, 1));
  }
}
