package org.refusal.stats;

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
    double[][] cosines = gram.cosines().rows();
    double total = WithinSums.of(cosines, new Grouping[] {Grouping.of(new int[labels.length], 1)})[0][0];
    LabelPermutations permutations = LabelPermutations.random(labels, categories, strata, resampling);
    double observed = pairStatistics(cosines, total, permutations.observed())[0];
    double[] nullValues = new double[resampling.draws()];
    Parallel.forEachBatch(
        nullValues.length,
        WithinSums.BATCH,
        resampling.threads(),
        (from, size) -> {
          double[] statistics = pairStatistics(cosines, total, permutations.draws(from, size));
          System.arraycopy(statistics, 0, nullValues, from, size);
        });
    return new SeparationTest(observed, Permutations.pValue(observed, nullValues), nullValues);
  }

  private static double[] pairStatistics(double[][] cosines, double total, Grouping... labellings) {
    double[][] sums = WithinSums.of(cosines, labellings);
    double[] statistics = new double[labellings.length];
    for (int b = 0; b < statistics.length; b++) {
      statistics[b] = pairStatistic(sums[b], total, labellings[b]);
    }
    return statistics;
  }

  private static double pairStatistic(double[] sums, double total, Grouping groups) {
    double n = groups.items();
    double withinSum = 0;
    double withinPairs = 0;
    double meanWithin = 0;
    int counted = 0;
    for (int group = 0; group < groups.count(); group++) {
      double pairs = groups.size(group) * (groups.size(group) - 1) / 2.0;
      if (pairs > 0) {
        meanWithin += sums[group] / pairs;
        counted++;
      }
      withinSum += sums[group];
      withinPairs += pairs;
    }
    double betweenPairs = n * (n - 1) / 2.0 - withinPairs;
    return counted > 0 && betweenPairs > 0
        ? meanWithin / counted - (total - withinSum) / betweenPairs
        : Double.NaN;
  }

  /**
   * T = mean diagonal less mean off-diagonal of the cosines between the means of one random half of category i and of
   * the other half of category j; observed and permuted labels each with a halving of their own. O(B n^2 / 2).
   */
  public static SeparationTest splitHalf(
      GramMatrix gram, int[] labels, int categories, int[] strata, Resampling resampling) {
    Resampling halvings = resampling.named("halves");
    return splitHalf(
        gram,
        LabelPermutations.random(labels, categories, strata, resampling),
        resampling.draws(),
        resampling.threads(),
        (draw, groups) -> HalfMeans.random(groups, halvings.stream(draw)));
  }

  /**
   * The same with every permutation and halving given.
   *
   * @param permutations {@code [B, n]}
   * @param halves {@code [B + 1, n]} of 0 and 1; the first belongs to the observed labels
   */
  public static SeparationTest splitHalf(
      GramMatrix gram, int[] labels, int categories, int[][] permutations, int[][] halves) {
    return splitHalf(
        gram,
        new LabelPermutations(labels, categories, draw -> permutations[draw]),
        permutations.length,
        1,
        (draw, groups) -> halves[draw + 1]);
  }

  /** Halves of the categories of a draw; draw -1 are the observed labels. */
  private interface Halving {
    int[] of(int draw, Grouping categories);
  }

  private static SeparationTest splitHalf(
      GramMatrix gram, LabelPermutations permutations, int draws, int threads, Halving halving) {
    HalfMeans means = new HalfMeans(gram);
    Grouping labels = permutations.observed();
    double observed = means.statistics(new Grouping[] {labels}, new int[][] {halving.of(-1, labels)})[0];
    double[] nullValues = new double[draws];
    Parallel.forEachBatch(
        draws,
        GroupSums.BATCH,
        threads,
        (from, size) -> {
          Grouping[] permuted = permutations.draws(from, size);
          int[][] halves = new int[size][];
          for (int i = 0; i < size; i++) {
            halves[i] = halving.of(from + i, permuted[i]);
          }
          System.arraycopy(means.statistics(permuted, halves), 0, nullValues, from, size);
        });
    return new SeparationTest(observed, Permutations.pValue(observed, nullValues), nullValues);
  }
}
