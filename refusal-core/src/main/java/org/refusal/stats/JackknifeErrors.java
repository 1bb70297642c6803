package org.refusal.stats;

import java.util.function.ToDoubleFunction;

/** Bias and standard error of disattenuated similarities; see {@link DisattenuatedSimilarity}. O(n^2 + n K^2). */
final class JackknifeErrors {
  private final BlockSums sums;
  private final BlockSums.Means means;
  private final double[][] similarity;
  private final double mean;
  private final double[][][] without;
  private final int k;
  private final double[][] effects; // [K][prompts], relative to U
  private final double[][] degenerate; // [K][K] variance of the doubly centred inner products

  JackknifeErrors(
      BlockSums sums, BlockSums.Means means, double[][] similarity, double mean, double[][][] without) {
    this.sums = sums;
    this.means = means;
    this.similarity = similarity;
    this.mean = mean;
    this.without = without;
    this.k = sums.categories();
    this.effects = new double[k][];
    this.degenerate = new double[k][k];
  }

  DisattenuatedSimilarity.Errors errors() {
    for (int i = 0; i < k; i++) {
      effects[i] = effects(i);
    }
    for (int i = 0; i < k; i++) {
      degenerate[i][i] = withinVariance(i);
      for (int j = i + 1; j < k; j++) {
        degenerate[i][j] = crossVariance(i, j);
        degenerate[j][i] = degenerate[i][j];
      }
    }
    double[][] center = new double[k][k];
    double[][] error = new double[k][k];
    double[][] degrees = new double[k][k];
    int smallest = Integer.MAX_VALUE;
    for (int i = 0; i < k; i++) {
      smallest = Math.min(smallest, sums.size(i));
      for (int j = 0; j < k; j++) {
        int first = i;
        int second = j;
        double[] jackknife =
            i == j
                ? new double[] {0, 0}
                : jackknife(new int[] {i, j}, 1, similarity[i][j], without -> without[first][second]);
        center[i][j] = similarity[i][j] - jackknife[0];
        error[i][j] = i == j ? 0 : standardError(jackknife[1], new int[] {i, j}, 1);
        degrees[i][j] = Math.min(sums.size(i), sums.size(j)) - 1;
      }
    }
    int[] all = new int[k];
    for (int i = 0; i < k; i++) {
      all[i] = i;
    }
    double pairs = k * (k - 1) / 2.0;
    double[] jackknife = jackknife(all, pairs, mean, DisattenuatedSimilarity::meanOfPairs);
    return new DisattenuatedSimilarity.Errors(
        center,
        error,
        degrees,
        mean - jackknife[0],
        standardError(jackknife[1], all, pairs),
        smallest - 1);
  }

  /**
   * Bias and variance over the prompts of the categories; NaN where a category has fewer than 3.
   *
   * <p>The variance is that of the estimate less its bias. Prompts of unequal strength raise S by half their squared
   * coefficient of variation over n - 1 per category. That part moves with the sample, is taken off with the bias, and
   * would otherwise be counted as error: up to twice the variance where reliability is high and the causes are one.
   */
  private double[] jackknife(
      int[] categories, double pairs, double estimate, ToDoubleFunction<double[][]> statistic) {
    double bias = 0;
    double variance = 0;
    for (int category : categories) {
      int size = sums.size(category);
      if (size < 3) {
        return new double[] {Double.NaN, Double.NaN};
      }
      double half = weight(category, categories, pairs) / 2;
      double spread = 0;
      for (double effect : effects[category]) {
        spread += effect * effect;
      }
      double[] values = new double[size];
      double[] unbiased = new double[size];
      for (int p = 0; p < size; p++) {
        values[p] = statistic.applyAsDouble(without[sums.start(category) + p]);
        double effect = effects[category][p];
        unbiased[p] = values[p] - half * (spread - effect * effect) / ((size - 1.0) * (size - 2));
      }
      bias += (size - 1) * (Summary.mean(values) - estimate);
      double average = Summary.mean(unbiased);
      for (double value : unbiased) {
        variance += (value - average) * (value - average) * (size - 1) / size;
      }
    }
    return new double[] {bias, variance};
  }

  /** How much the statistic, a mean over pairs, hangs on one category: its similarities with the others, over pairs. */
  private double weight(int category, int[] categories, double pairs) {
    double weight = 0;
    for (int other : categories) {
      weight += category == other ? 0 : similarity[category][other] / pairs;
    }
    return weight;
  }

  /**
   * Takes off the degenerate part once, of which the jackknife holds two. Where the causes are one nothing else is left,
   * and the difference wavers about half: a bound there would keep the larger of two estimates. So never more than three
   * quarters.
   */
  private double standardError(double variance, int[] categories, double pairs) {
    double second = 0;
    for (int i : categories) {
      double u = means.within()[i];
      double size = sums.size(i);
      double weight = weight(i, categories, pairs);
      for (int j : categories) {
        if (j > i) {
          second += degenerate[i][j] / (pairs * pairs * u * means.within()[j] * size * sums.size(j));
        }
      }
      second += weight * weight / 2 * degenerate[i][i] / (size * (size - 1) * u * u);
    }
    return Math.sqrt(Math.max(variance - second, variance / 4));
  }

  /** How much each prompt raises the inner products of its category, as a share of U. */
  private double[] effects(int category) {
    int size = sums.size(category);
    double u = means.within()[category];
    double[] effects = new double[size];
    for (int p = 0; p < size; p++) {
      double row = 0;
      for (int q = 0; q < size; q++) {
        row += p == q ? 0 : product(category, p, category, q);
      }
      effects[p] = size > 2 ? (row - (size - 1) * u) / (size - 2) / u : Double.NaN;
    }
    return effects;
  }

  private double withinVariance(int category) {
    int size = sums.size(category);
    if (size < 4) {
      return 0;
    }
    double u = means.within()[category];
    double squares = 0;
    for (int p = 0; p < size; p++) {
      for (int q = p + 1; q < size; q++) {
        double a = effects[category][p];
        double b = effects[category][q];
        double residual = product(category, p, category, q) - u * (1 + a + b + a * b);
        squares += residual * residual;
      }
    }
    return squares / (size * (size - 3) / 2.0);
  }

  private double crossVariance(int first, int second) {
    int m = sums.size(first);
    int n = sums.size(second);
    if (m < 3 || n < 3) {
      return 0;
    }
    double[] rows = new double[m];
    double[] columns = new double[n];
    for (int p = 0; p < m; p++) {
      for (int q = 0; q < n; q++) {
        double value = product(first, p, second, q);
        rows[p] += value / n;
        columns[q] += value / m;
      }
    }
    double level = means.cross()[first][second];
    double squares = 0;
    for (int p = 0; p < m; p++) {
      for (int q = 0; q < n; q++) {
        double residual =
            product(first, p, second, q)
                - rows[p]
                - columns[q]
                + level
                - level * effects[first][p] * effects[second][q];
        squares += residual * residual;
      }
    }
    return squares / ((m - 1.0) * (n - 1));
  }

  private double product(int first, int p, int second, int q) {
    return sums.product(sums.start(first) + p, sums.start(second) + q);
  }
}
