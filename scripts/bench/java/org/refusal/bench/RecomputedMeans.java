package org.refusal.bench;

import org.refusal.stats.SparseRows;

/**
 * The separation statistic without a Gram matrix: for every labelling the category means of the unit vectors are summed
 * up anew from the sparse rows. Mean cosine over pairs of distinct prompts = (n^2 ||mean||^2 - n) / (n (n - 1)).
 */
final class RecomputedMeans {
  private final SparseRows rows;
  private final int categories;
  private final double[] inverseNorms;

  RecomputedMeans(SparseRows rows, int categories) {
    this.rows = rows;
    this.categories = categories;
    inverseNorms = new double[rows.rows()];
    for (int p = 0; p < inverseNorms.length; p++) {
      double squares = 0;
      for (int e = rows.starts()[p]; e < rows.starts()[p + 1]; e++) {
        squares += (double) rows.values()[e] * rows.values()[e];
      }
      inverseNorms[p] = 1 / Math.sqrt(squares);
    }
  }

  /** Mean within less mean between cosine, as the toolkit's separation test defines it. */
  double separation(int[] labels) {
    double[][] sums = new double[categories][rows.width()];
    int[] sizes = new int[categories];
    for (int p = 0; p < labels.length; p++) {
      double[] sum = sums[labels[p]];
      sizes[labels[p]]++;
      for (int e = rows.starts()[p]; e < rows.starts()[p + 1]; e++) {
        sum[rows.columns()[e]] += rows.values()[e] * inverseNorms[p];
      }
    }
    double[] total = new double[rows.width()];
    double within = 0;
    double withinPairs = 0;
    double meanWithin = 0;
    for (int c = 0; c < categories; c++) {
      double square = 0;
      for (int i = 0; i < total.length; i++) {
        square += sums[c][i] * sums[c][i];
        total[i] += sums[c][i];
      }
      double pairs = sizes[c] * (sizes[c] - 1.0) / 2;
      double sum = (square - sizes[c]) / 2;
      meanWithin += sum / pairs / categories;
      within += sum;
      withinPairs += pairs;
    }
    double square = 0;
    for (double value : total) {
      square += value * value;
    }
    double n = labels.length;
    return meanWithin - ((square - n) / 2 - within) / (n * (n - 1) / 2 - withinPairs);
  }
}
