package org.refusal.stats;

/** Quantiles of Student's t distribution. */
final class StudentT {
  private StudentT() {}

  /**
   * Cornish-Fisher expansion to the third order in 1 / degrees of freedom (Abramowitz and Stegun 26.7.5): for the central
   * 95 % good to .1 % from 5 degrees on, 3 % too small at 2.
   */
  static double quantile(double p, double degrees) {
    double z = Normal.quantile(p);
    double z2 = z * z;
    double first = z * (z2 + 1) / 4;
    double second = z * ((5 * z2 + 16) * z2 + 3) / 96;
    double third = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
    return z + (first + (second + third / degrees) / degrees) / degrees;
  }
}
