package org.refusal.verdict;

/** How the causes of refusal of the categories relate at one hook point (METHODS 9). */
public enum Cause {
  ONE,
  SEVERAL,
  CLUSTERED,
  GRADED
}
