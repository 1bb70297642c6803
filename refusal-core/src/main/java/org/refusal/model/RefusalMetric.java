package org.refusal.model;

import ai.djl.ndarray.NDArray;

/**
 * m(x) = logsumexp over R of the logits - logsumexp over the other tokens: the log-odds (nats) that the next token
 * begins a refusal (METHODS 4).
 *
 * @param refusalTokens the set R, token ids, ascending
 */
public record RefusalMetric(int[] refusalTokens) {

  /**
   * @param logits {@code [batch, vocab]}
   * @return {@code [batch]}, float32 or float64 as the logits; differentiable
   */
  public NDArray apply(NDArray logits) {
    throw new UnsupportedOperationException();
  }
}
