package org.refusal.stats;

import java.util.Arrays;

/** Means, variances, quantiles. */
public final class Summary {
  private Summary() {}

  /** Arithmetic mean; NaN for none. */
  public static double mean(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  /** Unbiased variance (n - 1); NaN for fewer than two. */
  public static double variance(double[] values) {
    if (values.length < 2) {
      return Double.NaN;
    }
    double mean = mean(values);
    double sum = 0;
    for (double value : values) {
      sum += (value - mean) * (value - mean);
    }
    return sum / (values.length - 1);
  }

  /** Quantile of a sorted array, linear between order statistics (Hyndman and Fan type 7). */
  public static double quantile(double[] sorted, double p) {
    if (sorted.length == 0 || Double.isNaN(p)) {
      return Double.NaN;
    }
    double place = Math.min(1, Math.max(0, p)) * (sorted.length - 1);
    int below = (int) Math.floor(place);
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }

  public static double median(double[] values) {
    return quantile(finiteSorted(values), 0.5);
  }

  /** The values that are not NaN, ascending. */
  public static double[] finiteSorted(double[] values) {
    double[] kept = Arrays.stream(values).filter(value -> !Double.isNaN(value)).toArray();
    Arrays.sort(kept);
    return kept;
  }

  public static boolean allFinite(double[] values) {
    for (double value : values) {
      if (!Double.isFinite(value)) {
        return false;
      }
    }
    return true;
  }
}
