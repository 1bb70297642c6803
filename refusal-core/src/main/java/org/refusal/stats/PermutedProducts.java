package org.refusal.stats;

import java.util.List;

/**
 * Sums over pairs of items of several symmetric matrices times one other, whose rows and columns are permuted together.
 *
 * <p>The permuted values are laid out with the orders of a batch side by side, so that each value of a matrix meets all of
 * them on the processor's vector units.
 */
final class PermutedProducts {
  /** Orders per pass over the matrices: the permuted values of a row fit a core's cache. */
  static final int BATCH = 64;

  /** Rows permuted together before they are laid side by side: a cache line of values. */
  private static final int LANES = 8;

  /** Columns multiplied together. */
  private static final int TILE = 32;

  private final List<double[][]> matrices;
  private final double[][] other;

  PermutedProducts(List<double[][]> matrices, double[][] other) {
    this.matrices = matrices;
    this.other = other;
  }

  /**
   * Sum over i &lt; j of {@code matrix[i][j] * other[order[i]][order[j]]}, {@code [matrices, orders]}; columns beyond the
   * orders are filled up to a multiple of 8 and mean nothing. O(matrices * orders * n^2 / 2).
   */
  double[][] of(int[][] orders) {
    int n = other.length;
    int width = (orders.length + LANES - 1) / LANES * LANES;
    double[][] sums = new double[matrices.size()][width];
    double[][] rows = new double[LANES][n];
    double[][] permuted = new double[n][width]; // of row i: [columns, orders]
    for (int i = 0; i < n; i++) {
      for (int first = 0; first < width; first += LANES) {
        for (int lane = 0; lane < LANES; lane++) {
          int[] order = orders[Math.min(first + lane, orders.length - 1)];
          permute(other[order[i]], order, i + 1, rows[lane]);
        }
        laySideBySide(rows, i + 1, permuted, first);
      }
      for (int start = i + 1; start < n; start += TILE) {
        int end = Math.min(n, start + TILE);
        for (int m = 0; m < sums.length; m++) {
          RowSums.addWeighted(matrices.get(m)[i], 0, permuted, start, end, sums[m]);
        }
      }
    }
    return sums;
  }

  private static void permute(double[] row, int[] order, int from, double[] permuted) {
    for (int j = from; j < order.length; j++) {
      permuted[j] = row[order[j]];
    }
  }

  private static void laySideBySide(double[][] rows, int from, double[][] columns, int first) {
    double[] a = rows[0];
    double[] b = rows[1];
    double[] c = rows[2];
    double[] d = rows[3];
    double[] e = rows[4];
    double[] f = rows[5];
    double[] g = rows[6];
    double[] h = rows[7];
    for (int j = from; j < columns.length; j++) {
      double[] column = columns[j];
      column[first] = a[j];
      column[first + 1] = b[j];
      column[first + 2] = c[j];
      column[first + 3] = d[j];
      column[first + 4] = e[j];
      column[first + 5] = f[j];
      column[first + 6] = g[j];
      column[first + 7] = h[j];
    }
  }
}
