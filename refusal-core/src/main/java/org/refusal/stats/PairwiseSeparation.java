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
  /** Labellings per pass over the matrix. */
  private static final int BATCH = 32;

  /** O(B n^2 / 2). Pairs with a category of fewer than two prompts have NaN. */
  public static PairwiseSeparation of(
      GramMatrix gram, int[] labels, int categories, int[] strata, Resampling resampling) {
    GramMatrix cosines = gram.cosines();
    int n = labels.length;
    double[] observed = statistics(cosines, new int[][] {labels}, categories)[0];
    double[][] nullValues = new double[resampling.draws()][];
    int batches = (nullValues.length + BATCH - 1) / BATCH;
    Parallel.forEach(
        batches,
        resampling.threads(),
        batch -> {
          int from = batch * BATCH;
          int[][] permuted = new int[Math.min(BATCH, nullValues.length - from)][];
          for (int i = 0; i < permuted.length; i++) {
            permuted[i] =
                Permutations.apply(labels, Permutations.within(n, strata, resampling.stream(from + i)));
          }
          double[][] statistics = statistics(cosines, permuted, categories);
          System.arraycopy(statistics, 0, nullValues, from, statistics.length);
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

  /** t of every pair under several labellings {@code [labellings, pairs]}: one pass over the matrix, half of it read. */
  private static double[][] statistics(GramMatrix cosines, int[][] labels, int categories) {
    double[] values = cosines.array();
    int n = cosines.size();
    Grouping[] groups = new Grouping[labels.length];
    double[][] sums = new double[labels.length][categories * categories]; // over pairs of prompts, by their categories
    int[][] seen = new int[labels.length][categories];
    for (int b = 0; b < labels.length; b++) {
      groups[b] = Grouping.of(labels[b], categories);
    }
    for (int p = 0; p < n; p++) {
      for (int b = 0; b < labels.length; b++) {
        int own = labels[b][p];
        for (int other = 0; other < categories; other++) {
          sums[b][own * categories + other] +=
              SeparationTest.gather(values, p * n, groups[b].members(other), 0, seen[b][other]);
        }
        seen[b][own]++;
      }
    }
    double[][] statistics = new double[labels.length][];
    for (int b = 0; b < labels.length; b++) {
      statistics[b] = statistic(groups[b], sums[b], categories);
    }
    return statistics;
  }

  private static double[] statistic(Grouping groups, double[] sums, int categories) {
    double[] within = new double[categories];
    for (int i = 0; i < categories; i++) {
      double size = groups.size(i);
      within[i] = size > 1 ? sums[i * categories + i] / (size * (size - 1) / 2) : Double.NaN;
    }
    double[] t = new double[categories * (categories - 1) / 2];
    int at = 0;
    for (int i = 0; i < categories; i++) {
      for (int j = i + 1; j < categories; j++) {
        double between =
            (sums[i * categories + j] + sums[j * categories + i]) / ((double) groups.size(i) * groups.size(j));
        t[at++] = (within[i] + within[j]) / 2 - between;
      }
    }
    return t;
  }
}
