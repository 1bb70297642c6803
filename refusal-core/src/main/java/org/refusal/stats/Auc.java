package org.refusal.stats;

import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/**
 * Area under the ROC curve: the probability that a positive's score exceeds a negative's, ties counting one half.
 *
 * <p><b>Interval.</b> All values theta of which the observed one is no more than 1.96 standard errors away, the error being
 * that at theta: V(theta) = B(theta) max(r, r^w). B is the variance of Hanley and McNeil 1982, the larger of theirs and of
 * the same with the sides exchanged (they take it that positives spread more); r = DeLong's variance (DeLong, DeLong and
 * Clarke-Pearson 1988, by placements as Sun and Xu 2014) divided by B at the observed value. DeLong's is of the scores at
 * hand and right where many of the two sides overlap; near 0 and 1 it rests on the few that do, and is 0 where none does.
 * Hence it counts in full where it is the larger, and where it is the smaller as far as scores overlap: w = k / (k + 8), k
 * the number of scores that win against some and not all of the other side, on the side with fewer of them. Coverage:
 * docs/statistics.md.
 *
 * @param value NaN when either side is empty or a score is NaN
 * @param interval at 95 %; undefined when the value is
 */
public record Auc(double value, Interval interval, int positives, int negatives) {
  private static final double LEVEL = 0.95;
  private static final double TRUSTED_OVERLAP = 8;
  private static final int HALVINGS = 60;

  /** O(n log n). */
  public static Auc of(double[] positives, double[] negatives) {
    int m = positives.length;
    int n = negatives.length;
    if (m == 0 || n == 0 || anyNaN(positives) || anyNaN(negatives)) {
      return new Auc(Double.NaN, Interval.undefined(LEVEL), m, n);
    }
    double[] wins = wins(positives, negatives);
    double value = Arrays.stream(wins).sum() / ((double) m * n);
    return new Auc(value, interval(value, wins, wins(negatives, positives)), m, n);
  }

  /** Of each score, how many of the others it exceeds, ties counting one half. */
  static double[] wins(double[] scores, double[] others) {
    double[] sorted = others.clone();
    Arrays.sort(sorted);
    return Arrays.stream(scores)
        .map(score -> (Ranks.firstAtLeast(sorted, score) + Ranks.firstAbove(sorted, score)) / 2.0)
        .toArray();
  }

  private static Interval interval(double value, double[] wins, double[] winsOfNegatives) {
    int m = wins.length;
    int n = winsOfNegatives.length;
    double deLong = deLong(wins, winsOfNegatives);
    double expected = hanleyMcNeil(value, m, n);
    double ratio = deLong > 0 && expected > 0 ? deLong / expected : 1;
    double overlap = Math.min(between(wins, n), between(winsOfNegatives, m));
    double factor = Math.max(ratio, Math.pow(ratio, overlap / (overlap + TRUSTED_OVERLAP)));
    double z = Normal.quantile((1 + LEVEL) / 2);
    DoubleUnaryOperator reach = theta -> z * Math.sqrt(factor * hanleyMcNeil(theta, m, n));
    return new Interval(farthest(value, 0, reach), farthest(value, 1, reach), LEVEL);
  }

  /** DeLong's variance, from each score's wins against the other side; NaN where a side has one score. */
  static double deLong(double[] wins, double[] winsOfNegatives) {
    return meanVariance(wins, winsOfNegatives.length) + meanVariance(winsOfNegatives, wins.length);
  }

  /** Variance of the mean of wins / others; NaN for one score. */
  private static double meanVariance(double[] wins, int others) {
    double mean = Arrays.stream(wins).average().orElseThrow();
    double squares = 0;
    for (double each : wins) {
      squares += (each - mean) * (each - mean);
    }
    return squares / (wins.length - 1) / wins.length / others / others;
  }

  private static long between(double[] wins, int others) {
    return Arrays.stream(wins).filter(each -> each > 0 && each < others).count();
  }

  /** B: the larger of the two variances, as the one side spreads more or the other. */
  static double hanleyMcNeil(double theta, int m, int n) {
    double q1 = theta / (2 - theta) - theta * theta;
    double q2 = 2 * theta * theta / (1 + theta) - theta * theta;
    double one = (m - 1) * q1 + (n - 1) * q2;
    double other = (n - 1) * q1 + (m - 1) * q2;
    return (theta * (1 - theta) + Math.max(one, other)) / ((double) m * n);
  }

  /** The theta towards the end (0 or 1) that is as far from the value as its reach. */
  private static double farthest(double value, double end, DoubleUnaryOperator reach) {
    double inside = value;
    double outside = end;
    for (int i = 0; i < HALVINGS; i++) {
      double middle = (inside + outside) / 2;
      if (Math.abs(value - middle) > reach.applyAsDouble(middle)) {
        outside = middle;
      } else {
        inside = middle;
      }
    }
    return outside;
  }

  private static boolean anyNaN(double[] scores) {
    return Arrays.stream(scores).anyMatch(Double::isNaN);
  }
}
