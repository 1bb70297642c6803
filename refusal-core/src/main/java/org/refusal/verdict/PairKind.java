package org.refusal.verdict;

import org.refusal.config.StatsConfig;
import org.refusal.stats.Interval;

/** What the intervals of a pair of categories say (docs/definitions.md). */
public enum PairKind {
  /** The 90 % interval lies above {@code shared}. */
  SHARED,
  /** The 95 % interval lies below {@code distinct}. */
  DISTINCT,
  /** The 95 % interval lies between the two. */
  PARTIAL,
  /** The interval crosses a bound, or there is none. */
  OPEN;

  static PairKind of(Interval narrow, Interval wide, StatsConfig.Verdict thresholds) {
    if (narrow.above(thresholds.shared())) {
      return SHARED;
    }
    if (wide.below(thresholds.distinct())) {
      return DISTINCT;
    }
    return wide.within(thresholds.distinct(), thresholds.shared()) ? PARTIAL : OPEN;
  }
}
