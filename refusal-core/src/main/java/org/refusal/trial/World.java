package org.refusal.trial;

/** Prompts of several categories of which the truth is known: drawn from distributions, or from a real model's prompts. */
interface World {
  int categories();

  /** Discovery prompts per category. */
  int discovery();

  /** Held-out prompts per category. */
  int heldout();

  Truth truth();

  /** Mean of v over each category's population {@code [K][d]}. */
  double[][] meanDifferences();

  /** Draws prompts and measures transfer between the categories. */
  LinearTransfer transfer(long seed);
}
