package org.refusal.stats;

/**
 * Permutational multivariate analysis of variance (Anderson 2001): do groups differ in location?
 *
 * @param pseudoF (among sum of squares / (K - 1)) / (within / (n - K)); NaN where either is undefined
 * @param r2 among / total
 * @param p labels permuted, (b + 1) / (B + 1)
 */
public record Permanova(double pseudoF, double r2, double p, double[] nullValues) {

  /** Labels permuted within strata (null: freely). */
  public static Permanova test(double[][] distances, int[] groups, int[] strata, Resampling resampling) {
    int[][] permutations = new int[resampling.draws()][];
    for (int draw = 0; draw < permutations.length; draw++) {
      permutations[draw] = Permutations.within(groups.length, strata, resampling.stream(draw));
    }
    return test(distances, groups, permutations, resampling.threads());
  }

  /** With given permutations {@code [B, n]}. O(B n^2 / K). */
  public static Permanova test(double[][] distances, int[] groups, int[][] permutations, int threads) {
    int n = groups.length;
    Grouping observedGroups = Grouping.of(groups);
    int k = observedGroups.count();
    double[][] squares = new double[n][n];
    double total = 0;
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        squares[i][j] = distances[i][j] * distances[i][j];
        total += j > i ? squares[i][j] : 0;
      }
    }
    total /= n;
    double within = withinSum(squares, observedGroups);
    double[] nullValues = new double[permutations.length];
    double allSquares = total;
    Parallel.forEach(
        permutations.length,
        threads,
        draw -> {
          Grouping grouping = Grouping.of(Permutations.apply(observedGroups.labels(), permutations[draw]));
          nullValues[draw] = pseudoF(allSquares, withinSum(squares, grouping), n, k);
        });
    double observed = pseudoF(total, within, n, k);
    return new Permanova(
        observed,
        total > 0 ? (total - within) / total : Double.NaN,
        Permutations.pValue(observed, nullValues),
        nullValues);
  }

  private static double pseudoF(double total, double within, int n, int k) {
    return k > 1 && n > k && within > 0 ? (total - within) / (k - 1) / (within / (n - k)) : Double.NaN;
  }

  private static double withinSum(double[][] squares, Grouping groups) {
    double sum = 0;
    for (int group = 0; group < groups.count(); group++) {
      int[] members = groups.members(group);
      double pairs = 0;
      for (int i = 0; i < members.length; i++) {
        double[] row = squares[members[i]];
        for (int j = i + 1; j < members.length; j++) {
          pairs += row[members[j]];
        }
      }
      sum += pairs / members.length;
    }
    return sum;
  }
}
