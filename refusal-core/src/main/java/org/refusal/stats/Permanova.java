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
    Grouping observed = Grouping.of(groups);
    return test(
        distances,
        LabelPermutations.random(observed.labels(), observed.count(), strata, resampling),
        resampling.draws(),
        resampling.threads());
  }

  /** With given permutations {@code [B, n]}. O(B n^2 / (2 K)). */
  public static Permanova test(double[][] distances, int[] groups, int[][] permutations, int threads) {
    Grouping observed = Grouping.of(groups);
    return test(
        distances,
        new LabelPermutations(observed.labels(), observed.count(), draw -> permutations[draw]),
        permutations.length,
        threads);
  }

  private static Permanova test(double[][] distances, LabelPermutations permutations, int draws, int threads) {
    int n = distances.length;
    int k = permutations.count();
    double[][] squares = new double[n][n];
    double pairs = 0;
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        squares[i][j] = distances[i][j] * distances[i][j];
        pairs += j > i ? squares[i][j] : 0;
      }
    }
    double total = pairs / n;
    double within = withinSums(squares, permutations.observed())[0];
    double[] nullValues = new double[draws];
    Parallel.forEachBatch(
        draws,
        WithinSums.BATCH,
        threads,
        (from, size) -> {
          double[] sums = withinSums(squares, permutations.draws(from, size));
          for (int i = 0; i < size; i++) {
            nullValues[from + i] = pseudoF(total, sums[i], n, k);
          }
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

  /** Sum of squares within groups of each labelling. */
  private static double[] withinSums(double[][] squares, Grouping... labellings) {
    double[][] pairs = WithinSums.of(squares, labellings);
    double[] sums = new double[labellings.length];
    for (int b = 0; b < sums.length; b++) {
      for (int group = 0; group < pairs[b].length; group++) {
        sums[b] += pairs[b][group] / labellings[b].size(group);
      }
    }
    return sums;
  }
}
