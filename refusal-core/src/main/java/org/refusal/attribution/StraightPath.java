package org.refusal.attribution;

/** Which nodes of a hook point move from their clean value to the baseline; the others stay. */
public enum StraightPath {
  /** a(s) = x + s W_dec (f̄ - f) */
  LATENTS,
  /** a(s) = x + s (ē - e) */
  ERROR,
  /** a(s) = x + s (x' - x): latents and error at once; uses no SAE where x' needs none */
  JOINT
}
