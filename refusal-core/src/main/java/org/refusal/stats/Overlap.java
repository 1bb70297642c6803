package org.refusal.stats;

import java.util.HashSet;
import java.util.Set;

/** Overlap of weighted and of plain sets. */
public final class Overlap {
  private Overlap() {}

  /** Sum of minima over sum of maxima of non-negative weights; NaN for two zero vectors. */
  public static double weightedJaccard(double[] a, double[] b) {
    if (a.length != b.length) {
      throw new IllegalArgumentException(a.length + " weights against " + b.length);
    }
    double low = 0;
    double high = 0;
    for (int i = 0; i < a.length; i++) {
      if (a[i] < 0 || b[i] < 0) {
        throw new IllegalArgumentException("weight " + i + " is negative");
      }
      low += Math.min(a[i], b[i]);
      high += Math.max(a[i], b[i]);
    }
    return high > 0 ? low / high : Double.NaN;
  }

  /** |A and B| / |A or B|; NaN for two empty sets. */
  public static <T> double jaccard(Set<T> a, Set<T> b) {
    if (a.isEmpty() && b.isEmpty()) {
      return Double.NaN;
    }
    Set<T> common = new HashSet<>(a);
    common.retainAll(b);
    return common.size() / (double) (a.size() + b.size() - common.size());
  }
}
