package org.refusal.evaluation;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import org.refusal.stats.Bootstrap;
import org.refusal.stats.Interval;

/**
 * An estimate with its 95 % percentile interval from resamples of the prompts; bounds are NaN where the statistic is
 * undefined at more than a few resamples ({@link Bootstrap#percentile}).
 *
 * @param used resamples at which the statistic was finite
 */
public record Resampled(double value, double low, double high, @JsonProperty("resamples") int used) {
  static final double LEVEL = .95;

  /**
   * Resamples prompts with replacement, each group of prompts (category) on its own.
   *
   * @param sizes number of prompts of each group
   * @param statistic of the chosen prompts {@code [group][..]}; O(resamples) evaluations
   */
  static Resampled bootstrap(int[] sizes, int resamples, SplittableRandom random, ToDoubleFunction<int[][]> statistic) {
    int[][] all = new int[sizes.length][];
    for (int g = 0; g < sizes.length; g++) {
      all[g] = new int[sizes[g]];
      Arrays.setAll(all[g], p -> p);
    }
    double value = statistic.applyAsDouble(all);
    double[] draws = new double[resamples];
    int used = 0;
    int[][] chosen = new int[sizes.length][];
    for (int b = 0; b < resamples; b++) {
      for (int g = 0; g < sizes.length; g++) {
        chosen[g] = new int[sizes[g]];
        for (int p = 0; p < sizes[g]; p++) {
          chosen[g][p] = random.nextInt(sizes[g]);
        }
      }
      draws[b] = statistic.applyAsDouble(chosen);
      used += Double.isFinite(draws[b]) ? 1 : 0;
    }
    Interval bounds = Bootstrap.percentile(draws, LEVEL);
    return new Resampled(value, bounds.low(), bounds.high(), used);
  }

  private Interval interval() {
    return new Interval(low, high, LEVEL);
  }

  boolean contains(double x) {
    return interval().contains(x);
  }

  static double mean(double[] values, int[] chosen) {
    double sum = 0;
    for (int p : chosen) {
      sum += values[p];
    }
    return sum / chosen.length;
  }

  static double mean(double[] values) {
    return Arrays.stream(values).sum() / values.length;
  }
}
