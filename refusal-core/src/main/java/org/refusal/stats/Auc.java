package org.refusal.stats;

import java.util.Arrays;

/**
 * Area under the ROC curve: the probability that a positive's score exceeds a negative's, ties counting one half.
 *
 * @param interval 95 % interval after Hanley and McNeil 1982 on the logit scale, so that it stays within 0 and 1; where the
 *     two sides do not overlap at all, so that the formula degenerates, Wilson's for as many trials as the smaller side has
 */
public record Auc(double value, Interval interval, int positives, int negatives) {

  /** By ranks (Mann-Whitney), O(n log n). NaN when either side is empty or a score is NaN. */
  public static Auc of(double[] positives, double[] negatives) {
    int m = positives.length;
    int n = negatives.length;
    double value = value(positives, negatives);
    if (Double.isNaN(value)) {
      return new Auc(Double.NaN, Interval.undefined(0.95), m, n);
    }
    if (value == 0 || value == 1) {
      int fewer = Math.min(m, n);
      return new Auc(value, Wilson.interval(value == 1 ? fewer : 0, fewer, 0.95), m, n);
    }
    double q1 = value / (2 - value);
    double q2 = 2 * value * value / (1 + value);
    double variance =
        (value * (1 - value) + (m - 1) * (q1 - value * value) + (n - 1) * (q2 - value * value)) / ((double) m * n);
    double logit = Math.log(value / (1 - value));
    double half = Normal.quantile(0.975) * Math.sqrt(Math.max(0, variance)) / (value * (1 - value));
    return new Auc(
        value, new Interval(logistic(logit - half), logistic(logit + half), 0.95), m, n);
  }

  private static double value(double[] positives, double[] negatives) {
    if (positives.length == 0 || negatives.length == 0) {
      return Double.NaN;
    }
    double[] sorted = negatives.clone();
    Arrays.sort(sorted);
    if (Double.isNaN(sorted[sorted.length - 1])) {
      return Double.NaN;
    }
    double wins = 0;
    for (double score : positives) {
      if (Double.isNaN(score)) {
        return Double.NaN;
      }
      wins += (Ranks.firstAtLeast(sorted, score) + Ranks.firstAbove(sorted, score)) / 2.0;
    }
    return wins / ((double) positives.length * negatives.length);
  }

  private static double logistic(double x) {
    return 1 / (1 + Math.exp(-x));
  }
}
