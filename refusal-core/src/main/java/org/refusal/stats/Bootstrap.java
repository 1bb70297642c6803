package org.refusal.stats;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/** Bootstrap intervals (Efron and Tibshirani 1993; BCa: DiCiccio and Efron 1996). */
public final class Bootstrap {
  private Bootstrap() {}

  /** Share of draws that must be defined for an interval to be given. */
  private static final double MIN_DEFINED = 0.95;

  /** How often each of n items is drawn in n draws with replacement. */
  public static int[] counts(int n, SplittableRandom random) {
    int[] counts = new int[n];
    for (int draw = 0; draw < n; draw++) {
      counts[random.nextInt(n)]++;
    }
    return counts;
  }

  /** Every item once. */
  public static int[] once(int n) {
    int[] counts = new int[n];
    Arrays.fill(counts, 1);
    return counts;
  }

  /**
   * The sum of the drawn items' numerators over that of their denominators; NaN where the latter is not positive.
   *
   * @param counts how often each item was drawn
   */
  public static double ratio(double[] numerators, double[] denominators, int[] counts) {
    double above = 0;
    double below = 0;
    for (int item = 0; item < numerators.length; item++) {
      above += counts[item] * numerators[item];
      below += counts[item] * denominators[item];
    }
    return below > 0 ? above / below : Double.NaN;
  }

  /**
   * The central part of the draws. NaN draws are left out; where more than 5 % are NaN the interval is undefined.
   *
   * @param draws statistics of bootstrap resamples; O(B log B)
   */
  public static Interval percentile(double[] draws, double level) {
    double[] sorted = Summary.finiteSorted(draws);
    if (sorted.length == 0 || sorted.length < MIN_DEFINED * draws.length) {
      return Interval.undefined(level);
    }
    return new Interval(
        Summary.quantile(sorted, (1 - level) / 2), Summary.quantile(sorted, (1 + level) / 2), level);
  }

  /**
   * The percentile interval widened for small samples (Hesterberg 2015): the bootstrap's variance is (n - 1) / n too small
   * and its tails are normal, so that the tail share becomes Phi(-sqrt(n / (n - 1)) t), t Student's quantile.
   *
   * @param n smallest number of units that were resampled together
   * @param degrees degrees of freedom of the variance: units less groups, where several groups were resampled
   */
  public static Interval expandedPercentile(double[] draws, int n, int degrees, double level) {
    if (n < 2) {
      return Interval.undefined(level);
    }
    double z = Math.sqrt(n / (n - 1.0)) * StudentT.quantile((1 + level) / 2, degrees);
    Interval wide = percentile(draws, 1 - 2 * Normal.upperTail(z));
    return new Interval(wide.low(), wide.high(), level);
  }

  /**
   * Bias-corrected and accelerated interval.
   *
   * @param estimate statistic of the sample itself
   * @param draws statistics of bootstrap resamples
   * @param leaveOneOut statistics with one unit left out each, for the acceleration
   */
  public static Interval bca(double estimate, double[] draws, double[] leaveOneOut, double level) {
    double[] sorted = Summary.finiteSorted(draws);
    if (sorted.length == 0 || sorted.length < MIN_DEFINED * draws.length || Double.isNaN(estimate)) {
      return Interval.undefined(level);
    }
    double below = 0;
    for (double draw : sorted) {
      below += draw < estimate ? 1 : draw == estimate ? 0.5 : 0;
    }
    double share = Math.min(Math.max(below / sorted.length, 0.5 / sorted.length), 1 - 0.5 / sorted.length);
    double bias = Normal.quantile(share);
    double center = Summary.mean(leaveOneOut);
    double cubes = 0;
    double squares = 0;
    for (double value : leaveOneOut) {
      double difference = center - value;
      squares += difference * difference;
      cubes += difference * difference * difference;
    }
    double acceleration = squares > 0 ? cubes / (6 * Math.pow(squares, 1.5)) : 0;
    return new Interval(
        Summary.quantile(sorted, adjusted((1 - level) / 2, bias, acceleration)),
        Summary.quantile(sorted, adjusted((1 + level) / 2, bias, acceleration)),
        level);
  }

  private static double adjusted(double p, double bias, double acceleration) {
    double z = bias + Normal.quantile(p);
    return Normal.cumulative(bias + z / (1 - acceleration * z));
  }

  /** Interval of the mean of independent values (BCa); undefined for fewer than two or for values that are not finite. */
  public static Interval ofMean(double[] values, double level, Resampling resampling) {
    return of(values, Summary::mean, level, resampling);
  }

  /** BCa interval of any statistic of independent values. O(B n + n^2) plus the statistic's own cost. */
  public static Interval of(
      double[] values, ToDoubleFunction<double[]> statistic, double level, Resampling resampling) {
    if (values.length < 2 || !Summary.allFinite(values)) {
      return Interval.undefined(level);
    }
    double[] draws = new double[resampling.draws()];
    Parallel.forEach(
        draws.length,
        resampling.threads(),
        draw -> {
          SplittableRandom random = resampling.stream(draw);
          double[] sample = new double[values.length];
          for (int i = 0; i < sample.length; i++) {
            sample[i] = values[random.nextInt(values.length)];
          }
          draws[draw] = statistic.applyAsDouble(sample);
        });
    double[] leaveOneOut = new double[values.length];
    double[] rest = new double[values.length - 1];
    for (int left = 0; left < values.length; left++) {
      System.arraycopy(values, 0, rest, 0, left);
      System.arraycopy(values, left + 1, rest, left, values.length - left - 1);
      leaveOneOut[left] = statistic.applyAsDouble(rest);
    }
    return bca(statistic.applyAsDouble(values), draws, leaveOneOut, level);
  }
}
