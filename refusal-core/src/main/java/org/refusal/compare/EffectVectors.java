package org.refusal.compare;

import java.util.Arrays;
import java.util.List;
import org.refusal.stats.SparseRows;

/**
 * The mean of a group's per-prompt effect vectors, and what is needed to correct similarities for how well it is known
 * (docs/stages.md and docs/statistics.md).
 *
 * @param mean x̄ {@code [width]}
 * @param squares sum over prompts of ||x_p||^2
 * @param prompts n
 */
public record EffectVectors(double[] mean, double squares, int prompts) {

  /** O(entries + width). */
  public static EffectVectors of(SparseRows rows) {
    double squares = 0;
    for (float value : rows.values()) {
      squares += (double) value * value;
    }
    int[] all = new int[rows.rows()];
    Arrays.setAll(all, row -> row);
    return new EffectVectors(rows.mean(all), squares, all.length);
  }

  /** Mean of ||x_p|| over all prompts of all groups: what a hook point is divided by before pooling; 0 without prompts. */
  public static double meanNorm(List<SparseRows> groups) {
    double sum = 0;
    int prompts = 0;
    for (SparseRows rows : groups) {
      for (int row = 0; row < rows.rows(); row++) {
        double square = 0;
        for (int entry = rows.starts()[row]; entry < rows.starts()[row + 1]; entry++) {
          square += (double) rows.values()[entry] * rows.values()[entry];
        }
        sum += Math.sqrt(square);
        prompts++;
      }
    }
    return prompts == 0 ? 0 : sum / prompts;
  }

  /**
   * The same prompts' vectors of several hook points, one after the other, each divided by its mean norm. Hook points with
   * mean norm 0 add nothing.
   */
  public static EffectVectors pooled(List<EffectVectors> parts, double[] meanNorms) {
    int width = parts.stream().mapToInt(part -> part.mean.length).sum();
    double[] mean = new double[width];
    double squares = 0;
    int at = 0;
    for (int part = 0; part < meanNorms.length; part++) {
      EffectVectors vectors = parts.get(part);
      double scale = meanNorms[part] > 0 ? 1 / meanNorms[part] : 0;
      for (double value : vectors.mean) {
        mean[at++] = scale * value;
      }
      squares += scale * scale * vectors.squares;
    }
    return new EffectVectors(mean, squares, parts.get(0).prompts);
  }

  /** cos(x̄_a, x̄_b); NaN when either mean is zero. */
  public double cosine(EffectVectors other) {
    return product(other) / Math.sqrt(product(this) * other.product(other));
  }

  /** S is the inner product of the means divided by sqrt(U_a U_b); NaN when U of either is not positive. May exceed 1 by noise. */
  public double disattenuated(EffectVectors other) {
    double within = within();
    double otherWithin = other.within();
    return within > 0 && otherWithin > 0 ? product(other) / Math.sqrt(within * otherWithin) : Double.NaN;
  }

  /** U: mean inner product over pairs of distinct prompts; NaN for fewer than two. */
  public double within() {
    double n = prompts;
    return prompts < 2 ? Double.NaN : (n * n * product(this) - squares) / (n * (n - 1));
  }

  private double product(EffectVectors other) {
    double sum = 0;
    for (int i = 0; i < mean.length; i++) {
      sum += mean[i] * other.mean[i];
    }
    return sum;
  }
}
