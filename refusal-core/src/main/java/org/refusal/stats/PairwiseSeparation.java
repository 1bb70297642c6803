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
    GramMatrix cosines = gram.cosines();
    int n = labels.length;
    double[] ones = new double[n];
    Arrays.fill(ones, 1);
    double[] observed = statistics(cosines, labels, categories, ones);
    double[][] nullValues = new double[resampling.draws()][];
    Parallel.forEach(
        nullValues.length,
        resampling.threads(),
        draw -> {
          int[] order = Permutations.within(n, strata, resampling.stream(draw));
          nullValues[draw] = statistics(cosines, Permutations.apply(labels, order), categories, ones);
        });
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

  private static double[] statistics(GramMatrix cosines, int[] labels, int categories, double[] ones) {
    BlockSums.Means means = new BlockSums(cosines, Grouping.of(labels, categories)).means(ones);
    double[] t = new double[categories * (categories - 1) / 2];
    int at = 0;
    for (int i = 0; i < categories; i++) {
      for (int j = i + 1; j < categories; j++) {
        t[at++] = (means.within()[i] + means.within()[j]) / 2 - means.cross()[i][j];
      }
    }
    return t;
  }
}
