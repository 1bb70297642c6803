package org.refusal.stats;

import java.util.SplittableRandom;
import org.refusal.base.Seeds;

/** Permutation p-values and permutations within strata. */
public final class Permutations {
  /** Null values this close to the observed one count as ties, relative to the larger of 1 and the observed one. */
  private static final double TIE = 1e-12;

  private Permutations() {}

  /**
   * One-sided p = (b + 1) / (B + 1), b = number of null values at least as large as the observed one (Phipson and Smyth
   * 2010). NaN when the observed value is NaN; a NaN in the null counts as at least as large.
   */
  public static double pValue(double observed, double[] nullValues) {
    if (Double.isNaN(observed)) {
      return Double.NaN;
    }
    double bound = observed - TIE * Math.max(1, Math.abs(observed));
    int larger = 0;
    for (double value : nullValues) {
      if (!(value < bound)) {
        larger++;
      }
    }
    return (larger + 1.0) / (nullValues.length + 1.0);
  }

  /**
   * A random order of 0..n-1 that moves items only within their stratum.
   *
   * @param strata stratum of each item; null for one stratum
   */
  public static int[] within(int n, int[] strata, SplittableRandom random) {
    return within(Grouping.of(strata == null ? new int[n] : strata), random);
  }

  /** The same with the items of each stratum already listed. O(n). */
  static int[] within(Grouping strata, SplittableRandom random) {
    int[] order = new int[strata.items()];
    for (int stratum = 0; stratum < strata.count(); stratum++) {
      int[] places = strata.members(stratum);
      int[] shuffled = places.clone();
      Seeds.shuffle(shuffled, random);
      for (int i = 0; i < places.length; i++) {
        order[places[i]] = shuffled[i];
      }
    }
    return order;
  }

  /** {@code permuted[i] = labels[order[i]]}. */
  public static int[] apply(int[] labels, int[] order) {
    int[] permuted = new int[labels.length];
    for (int i = 0; i < labels.length; i++) {
      permuted[i] = labels[order[i]];
    }
    return permuted;
  }

  /** Terciles of a covariate such as prompt length: 0, 1, 2 by rank, ties kept together. O(n log n). */
  public static int[] terciles(double[] values) {
    double[] sorted = Summary.finiteSorted(values);
    double lower = Summary.quantile(sorted, 1 / 3.0);
    double upper = Summary.quantile(sorted, 2 / 3.0);
    int[] strata = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      strata[i] = values[i] <= lower ? 0 : values[i] <= upper ? 1 : 2;
    }
    return strata;
  }
}
