package org.refusal.stats;

/** Wilson score interval of a proportion (Wilson 1927). */
public final class Wilson {
  private Wilson() {}

  /** Undefined for no trials. */
  public static Interval interval(int successes, int trials, double level) {
    if (successes < 0 || successes > trials) {
      throw new IllegalArgumentException(successes + " successes in " + trials + " trials");
    }
    if (trials == 0) {
      return Interval.undefined(level);
    }
    double z = Normal.quantile((1 + level) / 2);
    double n = trials;
    double p = successes / n;
    double center = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z / (1 + z * z / n) * Math.sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return new Interval(
        successes == 0 ? 0 : Math.max(0, center - half), successes == trials ? 1 : Math.min(1, center + half), level);
  }
}
