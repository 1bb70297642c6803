package org.refusal.stats;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.refusal.base.Seeds;

/**
 * Do prompts resemble those of their own category more than those of others? Category labels are permuted among the
 * prompts, within strata.
 *
 * <p>With near perfect reliability the test turns significant for a tiny T even where all categories share one cause:
 * report T, and never decide on p alone.
 *
 * @param t within less between similarity
 * @param p one-sided, (b + 1) / (B + 1)
 */
public record SeparationTest(double t, double p, double[] nullValues) {

  /**
   * T = mean over categories of the mean cosine of pairs of distinct prompts within, less the mean cosine over all pairs
   * of prompts of different categories. Uses every pair and no random halves. O(B n^2 / (2 K)).
   *
   * @param labels category of each vector, 0..categories-1; categories of fewer than two prompts have no within part
   * @param strata labels are permuted within these; null for freely
   */
  public static SeparationTest pairs(
      GramMatrix gram, int[] labels, int categories, int[] strata, Resampling resampling) {
    GramMatrix cosines = gram.cosines();
    int n = labels.length;
    double all = 0;
    for (int i = 0; i < n; i++) {
      for (int j = i + 1; j < n; j++) {
        all += cosines.at(i, j);
      }
    }
    double total = all;
    double observed = pairStatistic(cosines, Grouping.of(labels, categories), total);
    double[] nullValues = new double[resampling.draws()];
    Parallel.forEach(
        nullValues.length,
        resampling.threads(),
        draw -> {
          int[] order = Permutations.within(n, strata, resampling.stream(draw));
          nullValues[draw] =
              pairStatistic(cosines, Grouping.of(Permutations.apply(labels, order), categories), total);
        });
    return new SeparationTest(observed, Permutations.pValue(observed, nullValues), nullValues);
  }

  private static double pairStatistic(GramMatrix cosines, Grouping groups, double total) {
    double[] values = cosines.array();
    int n = groups.items();
    double withinSum = 0;
    double withinPairs = 0;
    double meanWithin = 0;
    int counted = 0;
    for (int group = 0; group < groups.count(); group++) {
      int[] members = groups.members(group);
      double sum = 0;
      for (int i = 1; i < members.length; i++) {
        sum += gather(values, members[i] * n, members, 0, i);
      }
      double pairs = members.length * (members.length - 1) / 2.0;
      if (pairs > 0) {
        meanWithin += sum / pairs;
        counted++;
      }
      withinSum += sum;
      withinPairs += pairs;
    }
    double betweenPairs = n * (n - 1) / 2.0 - withinPairs;
    return counted > 0 && betweenPairs > 0
        ? meanWithin / counted - (total - withinSum) / betweenPairs
        : Double.NaN;
  }

  /**
   * T = mean diagonal less mean off-diagonal of the cosines between the means of one random half of category i and of
   * the other half of category j; observed and permuted labels each with a halving of their own. O(B n^2 / 4).
   */
  public static SeparationTest splitHalf(
      GramMatrix gram, int[] labels, int categories, int[] strata, Resampling resampling) {
    int n = labels.length;
    Resampling halvings = resampling.named("halves");
    int[] firstHalves = halves(labels, categories, halvings.stream(-1));
    double observed = HalfMeans.statistics(gram, new int[][] {labels}, new int[][] {firstHalves}, categories)[0];
    double[] nullValues = new double[resampling.draws()];
    int batches = (nullValues.length + HalfMeans.BATCH - 1) / HalfMeans.BATCH;
    Parallel.forEach(
        batches,
        resampling.threads(),
        batch -> {
          int from = batch * HalfMeans.BATCH;
          int size = Math.min(HalfMeans.BATCH, nullValues.length - from);
          int[][] permuted = new int[size][];
          int[][] halves = new int[size][];
          for (int i = 0; i < size; i++) {
            int[] order = Permutations.within(n, strata, resampling.stream(from + i));
            permuted[i] = Permutations.apply(labels, order);
            halves[i] = halves(permuted[i], categories, halvings.stream(from + i));
          }
          double[] statistics = HalfMeans.statistics(gram, permuted, halves, categories);
          System.arraycopy(statistics, 0, nullValues, from, size);
        });
    return new SeparationTest(observed, Permutations.pValue(observed, nullValues), nullValues);
  }

  /**
   * The same with every permutation and halving given.
   *
   * @param permutations {@code [B, n]}
   * @param halves {@code [B + 1, n]} of 0 and 1; the first belongs to the observed labels
   */
  public static SeparationTest splitHalf(
      GramMatrix gram, int[] labels, int categories, int[][] permutations, int[][] halves) {
    int[][] all = new int[permutations.length + 1][];
    all[0] = labels;
    for (int draw = 0; draw < permutations.length; draw++) {
      all[draw + 1] = Permutations.apply(labels, permutations[draw]);
    }
    double[] statistics = HalfMeans.statistics(gram, all, halves, categories);
    double[] nullValues = Arrays.copyOfRange(statistics, 1, statistics.length);
    return new SeparationTest(statistics[0], Permutations.pValue(statistics[0], nullValues), nullValues);
  }

  private static int[] halves(int[] labels, int categories, SplittableRandom random) {
    Grouping groups = Grouping.of(labels, categories);
    int[] halves = new int[labels.length];
    for (int group = 0; group < categories; group++) {
      int[] shuffled = groups.members(group).clone();
      Seeds.shuffle(shuffled, random);
      for (int i = shuffled.length / 2; i < shuffled.length; i++) {
        halves[shuffled[i]] = 1;
      }
    }
    return halves;
  }

  /** Sum of one row's values at the columns {@code from .. to - 1} of a list. */
  static double gather(double[] values, int row, int[] columns, int from, int to) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int at = from;
    for (; at + 3 < to; at += 4) {
      a += values[row + columns[at]];
      b += values[row + columns[at + 1]];
      c += values[row + columns[at + 2]];
      d += values[row + columns[at + 3]];
    }
    for (; at < to; at++) {
      a += values[row + columns[at]];
    }
    return (a + b) + (c + d);
  }
}
