package org.refusal.verdict;

/** The answer to the question whether refusal is one circuit or several (docs/definitions.md). */
public enum Answer {
  MONOLITHIC,
  MODULAR,
  MIXED,
  /** Partly common, partly each category's own. */
  GRADED,
  INCONCLUSIVE
}
