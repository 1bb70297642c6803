package org.refusal.stats;

import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Mantel's test of two distance matrices, and of two given a third (Mantel 1967; Smouse, Long and Sokal 1986).
 *
 * @param r Pearson's correlation of the upper triangles (partial: with z's triangle held constant)
 * @param p one-sided: rows and columns of x permuted together, (b + 1) / (B + 1)
 * @param nullValues correlations under permutation
 */
public record Mantel(double r, double p, double[] nullValues) {

  public static Mantel simple(double[][] x, double[][] y, Resampling resampling) {
    return simple(x, y, randomOrders(x.length, resampling), resampling.threads());
  }

  /** With given permutations {@code [B, n]}. O(B n^2). */
  public static Mantel simple(double[][] x, double[][] y, int[][] permutations, int threads) {
    Permuted against = new Permuted(x, y);
    return of(against.observed(), permutations, threads, against::correlation);
  }

  public static Mantel partial(double[][] x, double[][] y, double[][] z, Resampling resampling) {
    return partial(x, y, z, randomOrders(x.length, resampling), resampling.threads());
  }

  public static Mantel partial(double[][] x, double[][] y, double[][] z, int[][] permutations, int threads) {
    Permuted second = new Permuted(x, y);
    Permuted third = new Permuted(x, z);
    double yz = Correlation.pearson(triangle(y), triangle(z));
    return of(
        Correlation.partial(second.observed(), third.observed(), yz),
        permutations,
        threads,
        order -> Correlation.partial(second.correlation(order), third.correlation(order), yz));
  }

  private static Mantel of(double observed, int[][] permutations, int threads, ToDoubleFunction<int[]> statistic) {
    double[] nullValues = new double[permutations.length];
    Parallel.forEach(
        permutations.length, threads, draw -> nullValues[draw] = statistic.applyAsDouble(permutations[draw]));
    return new Mantel(observed, Permutations.pValue(observed, nullValues), nullValues);
  }

  /** Correlation with y while x is permuted, which changes neither mean nor variance: one sum of products per order. */
  private static final class Permuted {
    private final double[][] x;
    private final double[] centred; // y less its mean, upper triangle
    private final double mean; // of x
    private final double scale; // square root of both sums of squares; 0 where either side is constant

    private Permuted(double[][] x, double[][] y) {
      this.x = x;
      double[] ofX = triangle(x);
      this.centred = triangle(y);
      if (ofX.length != centred.length) {
        throw new IllegalArgumentException(ofX.length + " values paired with " + centred.length);
      }
      this.mean = Summary.mean(ofX);
      double meanY = Summary.mean(centred);
      double xx = 0;
      double yy = 0;
      for (int i = 0; i < centred.length; i++) {
        centred[i] -= meanY;
        xx += (ofX[i] - mean) * (ofX[i] - mean);
        yy += centred[i] * centred[i];
      }
      this.scale = xx > 0 && yy > 0 ? Math.sqrt(xx * yy) : 0;
    }

    private double observed() {
      return correlation(IntStream.range(0, x.length).toArray());
    }

    private double correlation(int[] order) {
      if (centred.length < 2 || scale == 0) {
        return Double.NaN;
      }
      double sum = 0;
      int at = 0;
      for (int i = 0; i < order.length; i++) {
        double[] row = x[order[i]];
        for (int j = i + 1; j < order.length; j++) {
          sum += (row[order[j]] - mean) * centred[at++];
        }
      }
      return sum / scale;
    }
  }

  private static int[][] randomOrders(int n, Resampling resampling) {
    int[][] orders = new int[resampling.draws()][];
    for (int draw = 0; draw < orders.length; draw++) {
      orders[draw] = Permutations.within(n, null, resampling.stream(draw));
    }
    return orders;
  }

  private static double[] triangle(double[][] matrix) {
    int n = matrix.length;
    double[] values = new double[n * (n - 1) / 2];
    int at = 0;
    for (int i = 0; i < n; i++) {
      for (int j = i + 1; j < n; j++) {
        values[at++] = matrix[i][j];
      }
    }
    return values;
  }
}
