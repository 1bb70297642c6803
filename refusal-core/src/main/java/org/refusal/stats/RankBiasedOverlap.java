package org.refusal.stats;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Rank-biased overlap of two rankings (Webber, Moffat and Zobel 2010), evaluated to the depth of the shorter one.
 *
 * @param truncated (1 - p) sum over depths d of p^(d-1) X_d / d, X_d the overlap of the first d
 * @param extrapolated truncated + p^k X_k / k: 1 for identical lists
 */
public record RankBiasedOverlap(double truncated, double extrapolated) {

  /** Items of each list are distinct. Two empty lists: NaN. O(k). */
  public static <T> RankBiasedOverlap of(List<T> a, List<T> b, double p) {
    int depth = Math.min(a.size(), b.size());
    if (depth == 0) {
      double value = a.isEmpty() && b.isEmpty() ? Double.NaN : 0;
      return new RankBiasedOverlap(value, value);
    }
    Set<T> seenA = new HashSet<>();
    Set<T> seenB = new HashSet<>();
    int overlap = 0;
    double sum = 0;
    double weight = 1;
    for (int d = 1; d <= depth; d++) {
      T itemA = a.get(d - 1);
      T itemB = b.get(d - 1);
      if (!seenA.add(itemA) || !seenB.add(itemB)) {
        throw new IllegalArgumentException("an item is ranked twice at depth " + d);
      }
      if (itemA.equals(itemB)) {
        overlap++;
      } else {
        overlap += (seenB.contains(itemA) ? 1 : 0) + (seenA.contains(itemB) ? 1 : 0);
      }
      sum += weight * overlap / d;
      weight *= p;
    }
    double truncated = (1 - p) * sum;
    return new RankBiasedOverlap(truncated, truncated + weight * overlap / depth);
  }
}
