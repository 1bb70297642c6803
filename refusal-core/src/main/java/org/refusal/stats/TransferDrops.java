package org.refusal.stats;

import java.util.Arrays;

/**
 * Raw drops of one form of transfer at one hook point (docs/evaluation.md), nats: m less m with category i's part
 * taken from category j's held-out prompts.
 *
 * @param drops {@code [i][j][prompt of j]}
 * @param controls {@code [control][j][prompt of j]} under random parts of equal size; may be empty
 * @param resamples {@code [resample][i][j][prompt of j]} with all parts from the same resampled discovery prompts; none, or
 *     at least two, since one tells nothing of how far they scatter
 */
public record TransferDrops(double[][][] drops, double[][][] controls, double[][][][] resamples) {
  public TransferDrops {
    if (resamples.length == 1) {
      throw new IllegalArgumentException("one resample of the parts: none or at least two are needed");
    }
  }

  /** Only some categories, in that order. */
  public TransferDrops of(int[] categories) {
    return new TransferDrops(
        square(drops, categories),
        Arrays.stream(controls).map(control -> row(control, categories)).toArray(double[][][]::new),
        Arrays.stream(resamples).map(each -> square(each, categories)).toArray(double[][][][]::new));
  }

  private static double[][][] square(double[][][] drops, int[] categories) {
    return Arrays.stream(categories).mapToObj(i -> row(drops[i], categories)).toArray(double[][][]::new);
  }

  private static double[][] row(double[][] row, int[] categories) {
    return Arrays.stream(categories).mapToObj(j -> row[j]).toArray(double[][]::new);
  }
}
