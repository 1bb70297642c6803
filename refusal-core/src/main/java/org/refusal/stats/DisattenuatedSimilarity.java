package org.refusal.stats;

import java.util.List;
import java.util.SplittableRandom;

/**
 * Similarity of categories' mean vectors, corrected for how well each mean is known: S_ij = &lt;mean_i, mean_j&gt; /
 * sqrt(U_i U_j), U the mean inner product over pairs of distinct prompts. Estimates the cosine of the true means, and may
 * exceed 1 by noise.
 *
 * <p><b>Intervals.</b> The percentile bootstrap misses the truth too often or too seldom: U is a U-statistic, whose
 * ratio to the means is biased by order 1 / n where prompts differ in strength (the interval then lies too high: coverage
 * down to 1 % at reliability .97), and whose degenerate part (noise times noise) resampling counts twice (coverage up to
 * 100 % at reliability .6). Used instead: S less its jackknife bias, plus or minus Student's t (smallest category less 1)
 * times the jackknife's standard error, from whose square the second count of the degenerate part is taken off (Hoeffding
 * decomposition; Efron and Stein 1981). The degenerate part is estimated from the inner products less their row and column
 * effects and less the product of these effects, which stems from prompts that differ in strength only and cancels in S.
 * The jackknife is that of S less half of each category's squared spread of strengths over n - 1, the part that the bias
 * takes off anyway. Simulated coverage of nominal 95 %: .93 to .98 at reliabilities of .4 to .97, cosines of .5 to 1, 20 and
 * 40 prompts ({@code refusal calibrate}, docs/calibration.md).
 *
 * @param similarity {@code [K, K]}; NaN where a U is not positive
 * @param mean mean over pairs of categories; NaN where any pair is
 * @param draws {@code [B][K][K]} bootstrap resamples of prompts within category, pairs of copies of one prompt left out
 *     of U; for the support of clusters
 * @param withoutPrompt {@code [n][K][K]} with one prompt left out, in category order; null where that prompt's category
 *     has fewer than 3
 * @param promptCategory {@code [n]} category of the prompt left out
 * @param pairError standard error of each pair and of the mean
 */
public record DisattenuatedSimilarity(
    double[][] similarity,
    double mean,
    double[][][] draws,
    double[][][] withoutPrompt,
    int[] promptCategory,
    Errors pairError) {

  /**
   * What intervals are made of.
   *
   * @param center bias-corrected similarity of each pair
   * @param error its standard error
   * @param degrees degrees of freedom
   */
  public record Errors(
      double[][] center, double[][] error, double[][] degrees, double meanCenter, double meanError, double meanDegrees) {}

  /**
   * O(B n^2 / 2 + n^2) time; O((B + n) K^2) memory.
   *
   * @param labels category of each vector, 0..categories-1
   */
  public static DisattenuatedSimilarity of(GramMatrix gram, int[] labels, int categories, Resampling resampling) {
    BlockSums sums = new BlockSums(gram, Grouping.of(labels, categories));
    int n = sums.items();
    BlockSums.Means means = sums.means();
    double[][] similarity = means.similarity();
    double[][][] draws = new double[resampling.draws()][][];
    Parallel.forEachBatch(
        draws.length,
        BlockSums.BATCH,
        resampling.threads(),
        (from, size) -> {
          double[][] weights = new double[n][size];
          for (int i = 0; i < size; i++) {
            resample(sums, resampling.stream(from + i), weights, i);
          }
          List<BlockSums.Means> resampled = sums.means(weights, size);
          for (int i = 0; i < size; i++) {
            draws[from + i] = resampled.get(i).similarity();
          }
        });
    double[][][] without = new double[n][][];
    int[] promptCategory = new int[n];
    for (int category = 0; category < categories; category++) {
      for (int place = sums.start(category); place < sums.start(category) + sums.size(category); place++) {
        promptCategory[place] = category;
        if (sums.size(category) >= 3) {
          without[place] = leftOut(sums, means, place, category);
        }
      }
    }
    double mean = meanOfPairs(similarity);
    return new DisattenuatedSimilarity(
        similarity,
        mean,
        draws,
        without,
        promptCategory,
        new JackknifeErrors(sums, means, similarity, mean, without).errors());
  }

  /** S alone, {@code [K, K]}: what {@link #of} estimates. O(n^2). */
  public static double[][] similarity(GramMatrix gram, int[] labels, int categories) {
    return new BlockSums(gram, Grouping.of(labels, categories)).means().similarity();
  }

  /** Cosines of the categories' means, not corrected for how well these are known; NaN where a mean is 0. O(n^2). */
  public static double[][] cosines(GramMatrix gram, int[] labels, int categories) {
    return new BlockSums(gram, Grouping.of(labels, categories)).means().cosines();
  }

  /** Counts how often each prompt is drawn, prompts resampled within category. */
  private static void resample(BlockSums sums, SplittableRandom random, double[][] weights, int draw) {
    for (int category = 0; category < sums.categories(); category++) {
      int size = sums.size(category);
      for (int i = 0; i < size; i++) {
        weights[sums.start(category) + random.nextInt(size)][draw]++;
      }
    }
  }

  private static double[][] leftOut(BlockSums sums, BlockSums.Means means, int place, int category) {
    int k = sums.categories();
    double[] row = sums.rowSums(place);
    double size = sums.size(category);
    double[][] cross = new double[k][k];
    double[] within = means.within().clone();
    for (int i = 0; i < k; i++) {
      cross[i] = means.cross()[i].clone();
    }
    for (int other = 0; other < k; other++) {
      if (other != category) {
        double changed = (size * means.cross()[category][other] - row[other] / sums.size(other)) / (size - 1);
        cross[category][other] = changed;
        cross[other][category] = changed;
      }
    }
    double pairSum = means.within()[category] * size * (size - 1) - 2 * (row[category] - sums.square(place));
    within[category] = pairSum / ((size - 1) * (size - 2));
    return new BlockSums.Means(cross, within, means.norms()).similarity();
  }

  static double meanOfPairs(double[][] similarity) {
    int k = similarity.length;
    double sum = 0;
    for (int i = 0; i < k; i++) {
      for (int j = i + 1; j < k; j++) {
        sum += similarity[i][j];
      }
    }
    return sum / (k * (k - 1) / 2.0);
  }

  public int categories() {
    return similarity.length;
  }

  /** Interval of one pair's similarity; undefined where a category has fewer than 3 prompts or any S needed is. */
  public Interval interval(int i, int j, double level) {
    return around(
        pairError.center()[i][j], pairError.error()[i][j], pairError.degrees()[i][j], level);
  }

  /** Interval of the mean over pairs. */
  public Interval meanInterval(double level) {
    return around(pairError.meanCenter(), pairError.meanError(), pairError.meanDegrees(), level);
  }

  private static Interval around(double center, double error, double degrees, double level) {
    double half = StudentT.quantile((1 + level) / 2, degrees) * error;
    return Double.isFinite(half) && Double.isFinite(center)
        ? new Interval(center - half, center + half, level)
        : Interval.undefined(level);
  }
}
