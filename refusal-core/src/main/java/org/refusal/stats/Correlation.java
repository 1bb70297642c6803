package org.refusal.stats;

/** Correlation of paired values. NaN for fewer than two pairs or where either side is constant. */
public final class Correlation {
  private Correlation() {}

  public static double pearson(double[] x, double[] y) {
    if (x.length != y.length) {
      throw new IllegalArgumentException(x.length + " values paired with " + y.length);
    }
    if (x.length < 2) {
      return Double.NaN;
    }
    double meanX = Summary.mean(x);
    double meanY = Summary.mean(y);
    double xy = 0;
    double xx = 0;
    double yy = 0;
    for (int i = 0; i < x.length; i++) {
      double dx = x[i] - meanX;
      double dy = y[i] - meanY;
      xy += dx * dy;
      xx += dx * dx;
      yy += dy * dy;
    }
    return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : Double.NaN;
  }

  /** Pearson's correlation of the ranks, ties sharing their mean rank. */
  public static double spearman(double[] x, double[] y) {
    return pearson(Ranks.mid(x), Ranks.mid(y));
  }

  /** Correlation of x and y with z held constant. */
  public static double partial(double xy, double xz, double yz) {
    double scale = Math.sqrt((1 - xz * xz) * (1 - yz * yz));
    return scale > 0 ? (xy - xz * yz) / scale : Double.NaN;
  }
}
