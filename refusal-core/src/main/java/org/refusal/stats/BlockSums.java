package org.refusal.stats;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Weighted sums of a Gram matrix over blocks of categories: all that within and between similarities need.
 *
 * <p>Weights are how often a bootstrap resample drew each prompt. Pairs formed by two copies of one prompt are left out
 * of the within means, since they are no evidence that two prompts agree.
 */
final class BlockSums {
  /** Weightings per pass over the matrix. */
  static final int BATCH = 64;

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

  /** Sums over each category of one prompt's inner products, {@code [categories]}. O(n). */
  double[] rowSums(int place) {
    double[] sums = new double[categories];
    for (int category = 0; category < categories; category++) {
      for (int q = starts[category]; q < starts[category + 1]; q++) {
        sums[category] += gram[place * n + q];
      }
    }
    return sums;
  }

  /** Within and between means of inner products, each prompt once. O(n^2 / 2). */
  Means means() {
    double[][] ones = new double[n][1];
    for (double[] weight : ones) {
      weight[0] = 1;
    }
    return means(ones, 1).get(0);
  }

  /**
   * Within and between means of inner products for several weightings. O(weightings * n^2 / 2).
   *
   * @param weights {@code [n, weightings]}, in category order of prompts
   */
  List<Means> means(double[][] weights, int weightings) {
    double[][][] cross = new double[categories][categories][weightings];
    double[][] squares = new double[categories][weightings];
    double[][] total = new double[categories][weightings];
    double[][] totalSquares = new double[categories][weightings];
    double[] sums = new double[weightings];
    for (int category = 0; category < categories; category++) {
      for (int p = starts[category]; p < starts[category + 1]; p++) {
        double[] weight = weights[p];
        double square = gram[p * n + p];
        for (int b = 0; b < weightings; b++) {
          total[category][b] += weight[b];
          totalSquares[category][b] += weight[b] * weight[b];
          squares[category][b] += weight[b] * weight[b] * square;
        }
        for (int other = category; other < categories; other++) {
          Arrays.fill(sums, 0);
          RowSums.addWeighted(gram, p * n, weights, starts[other], starts[other + 1], sums);
          double[] products = cross[category][other];
          for (int b = 0; b < weightings; b++) {
            products[b] += weight[b] * sums[b];
          }
        }
      }
    }
    List<Means> means = new ArrayList<>();
    for (int b = 0; b < weightings; b++) {
      means.add(means(b, cross, squares, total, totalSquares));
    }
    return means;
  }

  private Means means(
      int b, double[][][] products, double[][] squares, double[][] total, double[][] totalSquares) {
    double[][] cross = new double[categories][categories];
    double[] within = new double[categories];
    double[] norms = new double[categories];
    for (int i = 0; i < categories; i++) {
      double weight = total[i][b];
      double pairs = weight * weight - totalSquares[i][b];
      within[i] = pairs > 0 ? (products[i][i][b] - squares[i][b]) / pairs : Double.NaN;
      norms[i] = weight > 0 ? products[i][i][b] / (weight * weight) : Double.NaN;
      for (int j = i; j < categories; j++) {
        double both = weight * total[j][b];
        cross[i][j] = both > 0 ? products[i][j][b] / both : Double.NaN;
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

    /** cross / sqrt(V_i V_j); 1 on the diagonal; NaN where a V is 0. */
    double[][] cosines() {
      int k = norms.length;
      double[][] cosines = new double[k][k];
      for (int i = 0; i < k; i++) {
        for (int j = 0; j < k; j++) {
          cosines[i][j] =
              !(norms[i] > 0 && norms[j] > 0) ? Double.NaN : i == j ? 1 : cross[i][j] / Math.sqrt(norms[i] * norms[j]);
        }
      }
      return cosines;
    }
  }
}
