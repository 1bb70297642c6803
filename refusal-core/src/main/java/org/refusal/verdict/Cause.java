package org.refusal.verdict;

/** How the causes of refusal of the categories relate at one hook point (docs/definitions.md). */
public enum Cause {
  ONE,
  SEVERAL,
  CLUSTERED,
  /** Neither one nor several nor clustered, and the evidence says so. */
  GRADED,
  /** The evidence does not say. */
  OPEN
}
