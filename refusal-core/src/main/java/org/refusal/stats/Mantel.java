package org.refusal.stats;

/**
 * Mantel's test of two distance matrices, and of two given a third (Mantel 1967; Smouse, Long & Sokal 1986).
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
    double[] other = triangle(y);
    return of(x, permutations, threads, permuted -> Correlation.pearson(permuted, other));
  }

  public static Mantel partial(double[][] x, double[][] y, double[][] z, Resampling resampling) {
    return partial(x, y, z, randomOrders(x.length, resampling), resampling.threads());
  }

  public static Mantel partial(double[][] x, double[][] y, double[][] z, int[][] permutations, int threads) {
    double[] second = triangle(y);
    double[] third = triangle(z);
    double yz = Correlation.pearson(second, third);
    return of(
        x,
        permutations,
        threads,
        permuted ->
            Correlation.partial(
                Correlation.pearson(permuted, second), Correlation.pearson(permuted, third), yz));
  }

  private interface Statistic {
    double of(double[] triangle);
  }

  private static Mantel of(double[][] x, int[][] permutations, int threads, Statistic statistic) {
    double observed = statistic.of(triangle(x));
    double[] nullValues = new double[permutations.length];
    Parallel.forEach(
        permutations.length,
        threads,
        draw -> nullValues[draw] = statistic.of(triangle(x, permutations[draw])));
    return new Mantel(observed, Permutations.pValue(observed, nullValues), nullValues);
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

  private static double[] triangle(double[][] matrix, int[] order) {
    int n = matrix.length;
    double[] values = new double[n * (n - 1) / 2];
    int at = 0;
    for (int i = 0; i < n; i++) {
      for (int j = i + 1; j < n; j++) {
        values[at++] = matrix[order[i]][order[j]];
      }
    }
    return values;
  }
}
