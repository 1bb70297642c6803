package org.refusal.stats;

import java.util.Arrays;

/** Family-wise error by the largest statistic (Westfall and Young 1993) and false discovery rate. */
public final class MultipleTesting {
  private static final double TIE = 1e-12;

  private MultipleTesting() {}

  /** Adjusted two-sided p-values of max-T, in the order of the statistics. */
  public record MaxT(double[] singleStep, double[] stepDown) {}

  /**
   * Two-sided max-T adjustment.
   *
   * @param observed {@code [m]} statistics of like scale
   * @param nullValues {@code [B, m]} the same statistics under permutation, all from the same permutation per row
   * @return O(B m) after sorting
   */
  public static MaxT maxT(double[] observed, double[][] nullValues) {
    int m = observed.length;
    double[] size = Arrays.stream(observed).map(Math::abs).toArray();
    int[] descending = Ranks.order(Arrays.stream(size).map(value -> -value).toArray());
    int[] single = new int[m];
    int[] step = new int[m];
    for (double[] row : nullValues) {
      double largest = Double.NEGATIVE_INFINITY;
      for (int rank = m - 1; rank >= 0; rank--) {
        int test = descending[rank];
        largest = Math.max(largest, Math.abs(row[test]));
        if (largest >= size[test] - TIE) {
          step[test]++;
        }
      }
      for (int test = 0; test < m; test++) {
        if (largest >= size[test] - TIE) {
          single[test]++;
        }
      }
    }
    double[] singleStep = new double[m];
    double[] stepDown = new double[m];
    double running = 0;
    for (int rank = 0; rank < m; rank++) {
      int test = descending[rank];
      singleStep[test] = (single[test] + 1.0) / (nullValues.length + 1.0);
      running = Math.max(running, (step[test] + 1.0) / (nullValues.length + 1.0));
      stepDown[test] = running;
    }
    return new MaxT(singleStep, stepDown);
  }

  /** Benjamini-Hochberg q-values: step-up, monotone, at most 1. O(m log m). */
  public static double[] benjaminiHochberg(double[] p) {
    int m = p.length;
    int[] ascending = Ranks.order(p);
    double[] q = new double[m];
    double running = 1;
    for (int rank = m; rank >= 1; rank--) {
      int test = ascending[rank - 1];
      running = Math.min(running, p[test] * m / rank);
      q[test] = running;
    }
    return q;
  }
}
