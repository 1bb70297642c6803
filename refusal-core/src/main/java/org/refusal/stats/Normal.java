package org.refusal.stats;

/** The standard normal distribution. */
final class Normal {
  private Normal() {}

  /** Distribution function, from the complementary error function's continued fraction and series; error below 1e-15. */
  static double cumulative(double z) {
    if (Double.isNaN(z)) {
      return Double.NaN;
    }
    return z < 0 ? upperTail(-z) : 1 - upperTail(z);
  }

  /** P(Z > z) for z >= 0. */
  static double upperTail(double z) {
    if (z < 0) {
      return 1 - upperTail(-z);
    }
    if (z > 38.5) {
      return 0;
    }
    double density = Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
    if (z < 3) {
      // 1/2 - density * (z + z^3/3 + z^5/15 + ...), Abramowitz & Stegun 26.2.11
      double term = z;
      double sum = z;
      for (int k = 1; Math.abs(term) > 1e-18 * Math.abs(sum) && k < 200; k++) {
        term *= z * z / (2 * k + 1);
        sum += term;
      }
      return 0.5 - density * sum;
    }
    // density / (z + 1/(z + 2/(z + 3/...))), Abramowitz & Stegun 26.2.14
    double fraction = z;
    for (int k = 200; k >= 1; k--) {
      fraction = z + k / fraction;
    }
    return density / fraction;
  }

  /** Quantile function: bisection on {@link #cumulative}, 64 halvings of [-40, 40]. */
  static double quantile(double p) {
    if (!(p > 0 && p < 1)) {
      return p == 0 ? Double.NEGATIVE_INFINITY : p == 1 ? Double.POSITIVE_INFINITY : Double.NaN;
    }
    double low = -40;
    double high = 40;
    for (int i = 0; i < 64; i++) {
      double middle = (low + high) / 2;
      if (cumulative(middle) < p) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (low + high) / 2;
  }
}
