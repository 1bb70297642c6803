package org.refusal.stats;

/**
 * Sums of rows, four at a time. Each row is an array of its own and each loop reads four of them, since only then does the
 * compiler use the processor's vector units. The order of summation is fixed, so that results are the same everywhere.
 */
final class RowSums {
  private RowSums() {}

  /** {@code sum[i] += rows[chosen[0]][i] + .. + rows[chosen[count - 1]][i]}. */
  static void add(double[][] rows, int[] chosen, int count, double[] sum) {
    int at = 0;
    for (; at + 3 < count; at += 4) {
      addFour(rows[chosen[at]], rows[chosen[at + 1]], rows[chosen[at + 2]], rows[chosen[at + 3]], sum);
    }
    for (; at < count; at++) {
      double[] row = rows[chosen[at]];
      for (int i = 0; i < sum.length; i++) {
        sum[i] += row[i];
      }
    }
  }

  private static void addFour(double[] a, double[] b, double[] c, double[] d, double[] sum) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += (a[i] + b[i]) + (c[i] + d[i]);
    }
  }

  /** {@code sum[i] += weights[offset + r] * rows[r][i]} over the rows r = {@code from .. to - 1}. */
  static void addWeighted(double[] weights, int offset, double[][] rows, int from, int to, double[] sum) {
    int r = from;
    for (; r + 3 < to; r += 4) {
      int at = offset + r;
      addFour(
          weights[at], rows[r],
          weights[at + 1], rows[r + 1],
          weights[at + 2], rows[r + 2],
          weights[at + 3], rows[r + 3],
          sum);
    }
    for (; r < to; r++) {
      double[] row = rows[r];
      double weight = weights[offset + r];
      for (int i = 0; i < sum.length; i++) {
        sum[i] += weight * row[i];
      }
    }
  }

  private static void addFour(
      double p, double[] a, double q, double[] b, double r, double[] c, double s, double[] d, double[] sum) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += (p * a[i] + q * b[i]) + (r * c[i] + s * d[i]);
    }
  }
}
