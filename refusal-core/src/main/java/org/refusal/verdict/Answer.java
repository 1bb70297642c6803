package org.refusal.verdict;

/** The answer to the question whether refusal is one circuit or several. */
public enum Answer {
  MONOLITHIC,
  MODULAR,
  MIXED,
  INCONCLUSIVE
}
