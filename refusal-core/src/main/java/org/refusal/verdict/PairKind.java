package org.refusal.verdict;

/** What the interval of a pair's similarity says (docs/definitions.md). */
public enum PairKind {
  /** The 90 % interval lies above {@code shared}. */
  SHARED,
  /** The 95 % interval lies below {@code distinct}. */
  DISTINCT,
  /** The 95 % interval lies between the two. */
  PARTIAL,
  /** The interval crosses a bound, or there is none. */
  OPEN
}
