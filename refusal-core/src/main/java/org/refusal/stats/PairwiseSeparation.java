package org.refusal.stats;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Which pairs of categories differ: for each pair, within less between similarity of unit vectors, t_ij = (U_i + U_j) / 2
 * - C_ij, labels permuted over all categories at once so that max-T controls the family-wise error.
 *
 * @param t {@code [pairs]}, pairs (0,1), (0,2), .., (1,2), ..
 * @param p two-sided permutation p of each pair alone
 * @param q Benjamini-Hochberg q-values of these p
 * @param singleStep max-T adjusted p
 * @param stepDown step-down max-T adjusted p
 */
public record PairwiseSeparation(double[] t, double[] p, double[] q, double[] singleStep, double[] stepDown) {
  /** O(B n^2 / 2). Pairs with a category of fewer than two prompts have NaN. */
  public static PairwiseSeparation of(
      GramMatrix gram, int[] labels, int categories, int[] strata, Resampling resampling) {
    GroupSums cosines = new GroupSums(gram.cosines());
    LabelPermutations permutations = LabelPermutations.random(labels, categories, strata, resampling);
    double[] observed = statistics(cosines, permutations.observed())[0];
    double[][] nullValues = new double[resampling.draws()][];
    Parallel.forEachBatch(
        nullValues.length,
        GroupSums.BATCH,
        resampling.threads(),
        (from, size) ->
            System.arraycopy(statistics(cosines, permutations.draws(from, size)), 0, nullValues, from, size));
    int pairs = observed.length;
    double[] p = new double[pairs];
    for (int pair = 0; pair < pairs; pair++) {
      double[] sizes = new double[nullValues.length];
      for (int draw = 0; draw < sizes.length; draw++) {
        sizes[draw] = Math.abs(nullValues[draw][pair]);
      }
      p[pair] = Permutations.pValue(Math.abs(observed[pair]), sizes);
    }
    int[] defined = IntStream.range(0, pairs).filter(i -> !Double.isNaN(observed[i])).toArray();
    double[][] definedNull = new double[nullValues.length][];
    for (int draw = 0; draw < definedNull.length; draw++) {
      double[] row = nullValues[draw];
      definedNull[draw] = Arrays.stream(defined).mapToDouble(i -> row[i]).toArray();
    }
    MultipleTesting.MaxT maxT =
        MultipleTesting.maxT(Arrays.stream(defined).mapToDouble(i -> observed[i]).toArray(), definedNull);
    double[] definedQ =
        MultipleTesting.benjaminiHochberg(Arrays.stream(defined).mapToDouble(i -> p[i]).toArray());
    return new PairwiseSeparation(
        observed,
        p,
        spread(definedQ, defined, pairs),
        spread(maxT.singleStep(), defined, pairs),
        spread(maxT.stepDown(), defined, pairs));
  }

  private static double[] spread(double[] values, int[] places, int length) {
    double[] all = new double[length];
    Arrays.fill(all, Double.NaN);
    for (int i = 0; i < places.length; i++) {
      all[places[i]] = values[i];
    }
    return all;
  }

  /** t of every pair under several labellings {@code [labellings, pairs]}. */
  private static double[][] statistics(GroupSums cosines, Grouping... labellings) {
    double[][][] sums = cosines.of(labellings);
    double[][] statistics = new double[labellings.length][];
    for (int b = 0; b < labellings.length; b++) {
      statistics[b] = statistic(labellings[b], sums[b]);
    }
    return statistics;
  }

  private static double[] statistic(Grouping groups, double[][] sums) {
    int categories = groups.count();
    double[] within = new double[categories];
    for (int i = 0; i < categories; i++) {
      double size = groups.size(i);
      within[i] = size > 1 ? sums[i][i] / (size * (size - 1) / 2) : Double.NaN;
    }
    double[] t = new double[categories * (categories - 1) / 2];
    int at = 0;
    for (int i = 0; i < categories; i++) {
      for (int j = i + 1; j < categories; j++) {
        double between = sums[i][j] / ((double) groups.size(i) * groups.size(j));
        t[at++] = (within[i] + within[j]) / 2 - between;
      }
    }
    return t;
  }
}
