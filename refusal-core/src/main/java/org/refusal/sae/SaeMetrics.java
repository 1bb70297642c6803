package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;
import java.util.List;
import org.refusal.activation.ActivationStore;
import org.refusal.activation.Sinks;
import org.refusal.activation.StoredPrompt;
import org.refusal.circuit.HookPoint;
import org.refusal.torch.Memory;

/**
 * How well an autoencoder reconstructs the tokens of some prompts, sinks left out; sums in float64.
 *
 * @param tokens tokens measured
 * @param fvu fraction of variance unexplained: sum ||x - x̂||^2 / sum ||x - mean(x)||^2, mean over these tokens
 * @param explainedVariance 1 - fvu
 * @param l0 mean number of active latents per token
 * @param deadShare share of the latents that are active at none of these tokens
 * @param cosine mean of cos(x, x̂)
 * @param l2Ratio mean of ||x̂|| / ||x||
 */
public record SaeMetrics(
    @JsonProperty("tokens") long tokens,
    @JsonProperty("fvu") double fvu,
    @JsonProperty("explained_variance") double explainedVariance,
    @JsonProperty("l0") double l0,
    @JsonProperty("dead_share") double deadShare,
    @JsonProperty("cosine") double cosine,
    @JsonProperty("l2_ratio") double l2Ratio) {
  private static final int GROUP = 512;

  /** Reads every prompt once; memory for a group of some 500 tokens. */
  public static SaeMetrics measure(
      SparseAutoencoder sae, ActivationStore store, HookPoint at, List<StoredPrompt> prompts, Sinks sinks) {
    Sums sums = new Sums(sae.dIn(), sae.dSae());
    int width = store.dModel();
    float[] group = new float[GROUP * width];
    int filled = 0;
    for (StoredPrompt prompt : prompts) {
      float[] rows = store.rows(prompt, at);
      double[] norms = Sinks.norms(rows, width);
      for (int t = 0; t < norms.length; t++) {
        if (sinks.isSink(norms[t])) {
          continue;
        }
        System.arraycopy(rows, t * width, group, filled * width, width);
        if (++filled == GROUP) {
          sums.add(sae, group, filled);
          filled = 0;
        }
      }
    }
    if (filled > 0) {
      sums.add(sae, Arrays.copyOf(group, filled * width), filled);
    }
    return sums.result();
  }

  private static final class Sums {
    private final int width;
    private final double[] mean;
    private final double[] squaresAboutMean;
    private final boolean[] everActive;
    private long tokens;
    private double residual;
    private long active;
    private double cosine;
    private double ratio;

    Sums(int width, int dSae) {
      this.width = width;
      mean = new double[width];
      squaresAboutMean = new double[width];
      everActive = new boolean[dSae];
    }

    void add(SparseAutoencoder sae, float[] x, int rows) {
      float[] reconstruction;
      long[] latents;
      float[] values;
      try (Memory.Scope scope = Memory.scope()) {
        NDArray input = sae.bDec().getManager().create(x, new Shape(rows, width)); // [tokens, d_in]
        SparseLatents encoded = sae.encode(input);
        reconstruction = sae.decode(encoded).toType(DataType.FLOAT32, false).toFloatArray();
        latents = encoded.indices().toLongArray();
        values = encoded.values().toType(DataType.FLOAT32, false).toFloatArray();
      }
      for (int j = 0; j < values.length; j++) {
        if (values[j] > 0) {
          active++;
          everActive[(int) latents[j]] = true;
        }
      }
      for (int t = 0; t < rows; t++) {
        addRow(x, reconstruction, t * width);
      }
    }

    private void addRow(float[] x, float[] reconstruction, int from) {
      tokens++;
      double product = 0;
      double own = 0;
      double other = 0;
      for (int i = 0; i < width; i++) {
        double value = x[from + i];
        double found = reconstruction[from + i];
        residual += (value - found) * (value - found);
        product += value * found;
        own += value * value;
        other += found * found;
        double before = value - mean[i];
        mean[i] += before / tokens;
        squaresAboutMean[i] += before * (value - mean[i]);
      }
      double lengths = Math.sqrt(own * other);
      cosine += lengths == 0 ? 0 : product / lengths;
      ratio += own == 0 ? 0 : Math.sqrt(other / own);
    }

    SaeMetrics result() {
      double total = 0;
      for (double squares : squaresAboutMean) {
        total += squares;
      }
      int dead = 0;
      for (boolean seen : everActive) {
        dead += seen ? 0 : 1;
      }
      double fvu = residual / total;
      return new SaeMetrics(
          tokens,
          fvu,
          1 - fvu,
          (double) active / tokens,
          (double) dead / everActive.length,
          cosine / tokens,
          ratio / tokens);
    }
  }
}
