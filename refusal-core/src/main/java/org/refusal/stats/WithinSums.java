package org.refusal.stats;

/**
 * Sums of a symmetric matrix over the pairs of distinct items within each group, for several labellings at once: each row
 * is read once per batch and stays in the cache meanwhile.
 */
final class WithinSums {
  /** Labellings per pass over the matrix. */
  static final int BATCH = 32;

  private WithinSums() {}

  /** {@code [labellings, groups]}. O(labellings * n^2 / (2 groups)). */
  static double[][] of(double[][] matrix, Grouping[] labellings) {
    double[][] sums = new double[labellings.length][];
    int[][] seen = new int[labellings.length][];
    for (int b = 0; b < labellings.length; b++) {
      sums[b] = new double[labellings[b].count()];
      seen[b] = new int[labellings[b].count()];
    }
    for (int i = 0; i < matrix.length; i++) {
      for (int b = 0; b < labellings.length; b++) {
        int group = labellings[b].labels()[i];
        sums[b][group] += gather(matrix[i], labellings[b].members(group), seen[b][group]++);
      }
    }
    return sums;
  }

  /** Sum of a row's values at the first columns of a list. */
  private static double gather(double[] row, int[] columns, int count) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int at = 0;
    for (; at + 3 < count; at += 4) {
      a += row[columns[at]];
      b += row[columns[at + 1]];
      c += row[columns[at + 2]];
      d += row[columns[at + 3]];
    }
    for (; at < count; at++) {
      a += row[columns[at]];
    }
    return (a + b) + (c + d);
  }
}
