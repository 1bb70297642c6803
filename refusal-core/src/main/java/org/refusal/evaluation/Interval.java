package org.refusal.evaluation;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/**
 * An estimate with its 95 % percentile interval from resamples of the prompts. Resamples at which the statistic is not
 * finite are left out; {@code used} tells how many were not.
 */
public record Interval(double value, double low, double high, @JsonProperty("resamples") int used) {
  static final double LEVEL = .95;

  /**
   * Resamples prompts with replacement, each group of prompts (category) on its own.
   *
   * @param sizes number of prompts of each group
   * @param statistic of the chosen prompts {@code [group][..]}; O(resamples) evaluations
   */
  static Interval bootstrap(int[] sizes, int resamples, SplittableRandom random, ToDoubleFunction<int[][]> statistic) {
    int[][] all = new int[sizes.length][];
    for (int g = 0; g < sizes.length; g++) {
      all[g] = new int[sizes[g]];
      Arrays.setAll(all[g], p -> p);
    }
    double value = statistic.applyAsDouble(all);
    double[] values = new double[resamples];
    int used = 0;
    int[][] chosen = new int[sizes.length][];
    for (int b = 0; b < resamples; b++) {
      for (int g = 0; g < sizes.length; g++) {
        chosen[g] = new int[sizes[g]];
        for (int p = 0; p < sizes[g]; p++) {
          chosen[g][p] = random.nextInt(sizes[g]);
        }
      }
      double resampled = statistic.applyAsDouble(chosen);
      if (Double.isFinite(resampled)) {
        values[used++] = resampled;
      }
    }
    if (used == 0) {
      return new Interval(value, Double.NaN, Double.NaN, 0);
    }
    double[] sorted = Arrays.copyOf(values, used);
    Arrays.sort(sorted);
    return new Interval(value, quantile(sorted, (1 - LEVEL) / 2), quantile(sorted, (1 + LEVEL) / 2), used);
  }

  /** Linear interpolation between order statistics. */
  static double quantile(double[] sorted, double q) {
    double place = q * (sorted.length - 1);
    int below = (int) Math.floor(place);
    int above = Math.min(sorted.length - 1, below + 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }

  boolean contains(double x) {
    return low <= x && x <= high;
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
