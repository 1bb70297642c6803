package org.refusal.stats;

/**
 * Cosines between the means of halves of categories, for several labellings at once: each row of the Gram matrix is read
 * once per batch and stays in the cache meanwhile.
 */
final class HalfMeans {
  /** Labellings per pass over the matrix. */
  static final int BATCH = 32;

  private HalfMeans() {}

  /**
   * Mean diagonal less mean off-diagonal of the cosines of half 0 of category i and half 1 of category j, for each
   * labelling. O(labellings * n^2 / 4).
   *
   * @param labels {@code [labellings, n]} categories
   * @param halves {@code [labellings, n]} of 0 and 1
   */
  static double[] statistics(GramMatrix gram, int[][] labels, int[][] halves, int categories) {
    double[] values = gram.array();
    int n = gram.size();
    int count = labels.length;
    Grouping[] parts = new Grouping[count];
    for (int draw = 0; draw < count; draw++) {
      int[] part = new int[n];
      for (int i = 0; i < n; i++) {
        part[i] = 2 * labels[draw][i] + halves[draw][i];
      }
      parts[draw] = Grouping.of(part, 2 * categories);
    }
    double[][] cross = new double[count][categories * categories];
    double[][] squares = new double[count][2 * categories];
    int[][] seen = new int[count][2 * categories];
    for (int p = 0; p < n; p++) {
      int row = p * n;
      for (int draw = 0; draw < count; draw++) {
        Grouping groups = parts[draw];
        int part = groups.labels()[p];
        squares[draw][part] +=
            values[row + p]
                + 2 * SeparationTest.gather(values, row, groups.members(part), 0, seen[draw][part]++);
        if (part % 2 == 0) {
          for (int j = 0; j < categories; j++) {
            int[] second = groups.members(2 * j + 1);
            cross[draw][part / 2 * categories + j] +=
                SeparationTest.gather(values, row, second, 0, second.length);
          }
        }
      }
    }
    double[] statistics = new double[count];
    for (int draw = 0; draw < count; draw++) {
      statistics[draw] = statistic(parts[draw], cross[draw], squares[draw], categories);
    }
    return statistics;
  }

  private static double statistic(Grouping parts, double[] cross, double[] squares, int categories) {
    double[] norms = new double[squares.length];
    for (int part = 0; part < norms.length; part++) {
      int size = parts.size(part);
      norms[part] = size == 0 ? Double.NaN : Math.sqrt(Math.max(0, squares[part])) / size;
    }
    double diagonal = 0;
    double offDiagonal = 0;
    for (int i = 0; i < categories; i++) {
      for (int j = 0; j < categories; j++) {
        double pairs = (double) parts.size(2 * i) * parts.size(2 * j + 1);
        double cosine = cross[i * categories + j] / pairs / (norms[2 * i] * norms[2 * j + 1]);
        if (i == j) {
          diagonal += cosine;
        } else {
          offDiagonal += cosine;
        }
      }
    }
    return diagonal / categories - offDiagonal / (categories * (categories - 1.0));
  }
}
