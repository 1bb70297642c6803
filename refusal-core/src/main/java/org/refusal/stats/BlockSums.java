package org.refusal.stats;

/**
 * Weighted sums of a Gram matrix over blocks of categories: all that within and between similarities need.
 *
 * <p>Weights are how often a bootstrap resample drew each prompt. Pairs formed by two copies of one prompt are left out
 * of the within means, since they are no evidence that two prompts agree.
 */
final class BlockSums {
  private final int n;
  private final int categories;
  private final int[] starts; // [categories + 1], prompts reordered by category
  private final int[] prompts; // [n], original index
  private final double[] gram; // [n, n] in that order

  BlockSums(GramMatrix source, Grouping groups) {
    this.n = groups.items();
    if (source.size() != n) {
      throw new IllegalArgumentException(source.size() + " vectors, " + n + " labels");
    }
    this.categories = groups.count();
    this.starts = new int[categories + 1];
    this.prompts = new int[n];
    int at = 0;
    for (int category = 0; category < categories; category++) {
      starts[category] = at;
      for (int member : groups.members(category)) {
        prompts[at++] = member;
      }
    }
    starts[categories] = at;
    this.gram = source.select(prompts).array();
  }

  int categories() {
    return categories;
  }

  int size(int category) {
    return starts[category + 1] - starts[category];
  }

  int start(int category) {
    return starts[category];
  }

  int items() {
    return n;
  }

  /** Original index of the prompt at a place in category order. */
  int prompt(int place) {
    return prompts[place];
  }

  /** Inner product of the prompts at two places. */
  double product(int first, int second) {
    return gram[first * n + second];
  }

  double square(int place) {
    return gram[place * n + place];
  }

  /** Weighted sums over each category of one prompt's inner products, {@code [categories]}. O(n). */
  void rowSums(int place, double[] weights, double[] sums) {
    int row = place * n;
    for (int category = 0; category < categories; category++) {
      sums[category] = dot(row, weights, starts[category], starts[category + 1]);
    }
  }

  private double dot(int row, double[] weights, int from, int to) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int q = from;
    for (; q + 3 < to; q += 4) {
      a += gram[row + q] * weights[q];
      b += gram[row + q + 1] * weights[q + 1];
      c += gram[row + q + 2] * weights[q + 2];
      d += gram[row + q + 3] * weights[q + 3];
    }
    for (; q < to; q++) {
      a += gram[row + q] * weights[q];
    }
    return (a + b) + (c + d);
  }

  /** Within and between means of inner products for the weights, in category order of prompts. O(n^2 / 2). */
  Means means(double[] weights) {
    double[][] cross = new double[categories][categories];
    double[] squares = new double[categories];
    double[] total = new double[categories];
    double[] totalSquares = new double[categories];
    for (int category = 0; category < categories; category++) {
      for (int p = starts[category]; p < starts[category + 1]; p++) {
        double weight = weights[p];
        if (weight == 0) {
          continue;
        }
        total[category] += weight;
        totalSquares[category] += weight * weight;
        squares[category] += weight * weight * gram[p * n + p];
        for (int other = category; other < categories; other++) {
          cross[category][other] += weight * dot(p * n, weights, starts[other], starts[other + 1]);
        }
      }
    }
    double[] within = new double[categories];
    double[] norms = new double[categories];
    for (int i = 0; i < categories; i++) {
      double pairs = total[i] * total[i] - totalSquares[i];
      within[i] = pairs > 0 ? (cross[i][i] - squares[i]) / pairs : Double.NaN;
      norms[i] = total[i] > 0 ? cross[i][i] / (total[i] * total[i]) : Double.NaN;
    }
    for (int i = 0; i < categories; i++) {
      for (int j = i; j < categories; j++) {
        cross[i][j] = total[i] * total[j] > 0 ? cross[i][j] / (total[i] * total[j]) : Double.NaN;
        cross[j][i] = cross[i][j];
      }
    }
    return new Means(cross, within, norms);
  }

  /**
   * @param cross {@code [categories, categories]} inner product of the categories' means
   * @param within U: mean inner product over pairs of distinct prompts
   * @param norms V: squared norm of the category's mean
   */
  record Means(double[][] cross, double[] within, double[] norms) {
    /** cross / sqrt(U_i U_j); 1 on the diagonal; NaN where a U is not positive. */
    double[][] similarity() {
      int k = within.length;
      double[][] similarity = new double[k][k];
      for (int i = 0; i < k; i++) {
        for (int j = 0; j < k; j++) {
          similarity[i][j] =
              !(within[i] > 0 && within[j] > 0)
                  ? Double.NaN
                  : i == j ? 1 : cross[i][j] / Math.sqrt(within[i] * within[j]);
        }
      }
      return similarity;
    }
  }
}
