package org.refusal.stats;

import java.util.Arrays;

/**
 * One-sample Kolmogorov-Smirnov test against the uniform distribution on [0, 1].
 *
 * @param d largest distance of the two distribution functions
 * @param p asymptotic p-value with Stephens' correction (1970); good to about .01 from n = 20 on
 */
public record KolmogorovSmirnov(double d, double p, int n) {

  public static KolmogorovSmirnov uniform(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    if (n == 0 || Double.isNaN(sorted[n - 1])) {
      return new KolmogorovSmirnov(Double.NaN, Double.NaN, n);
    }
    double d = 0;
    for (int i = 0; i < n; i++) {
      double expected = Math.min(1, Math.max(0, sorted[i]));
      d = Math.max(d, Math.max((i + 1.0) / n - expected, expected - (double) i / n));
    }
    double root = Math.sqrt(n);
    return new KolmogorovSmirnov(d, survival((root + 0.12 + 0.11 / root) * d), n);
  }

  /** P(K > x) of the Kolmogorov distribution. */
  static double survival(double x) {
    if (x < 0.2) {
      return 1;
    }
    double sum = 0;
    for (int k = 1; k <= 100; k++) {
      double term = Math.exp(-2.0 * k * k * x * x);
      sum += k % 2 == 1 ? term : -term;
      if (term < 1e-17) {
        break;
      }
    }
    return Math.min(1, Math.max(0, 2 * sum));
  }
}
