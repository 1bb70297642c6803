package org.refusal.model;

/** For which positions logits are computed. */
public enum LogitsAt {
  /** The last position: {@code [batch, vocab]}. */
  LAST,
  /** Every position: {@code [batch, pos, vocab]}; padding columns hold no meaning. */
  ALL
}
