package org.refusal.model;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;

/**
 * m(x) = logsumexp over R of the logits - logsumexp over the other tokens: the log-odds (nats) that the next token
 * begins a refusal (docs/definitions.md).
 *
 * @param refusalTokens the set R, token ids, ascending
 */
public record RefusalMetric(int[] refusalTokens) {
  public RefusalMetric {
    refusalTokens = Arrays.stream(refusalTokens).sorted().distinct().toArray();
    if (refusalTokens.length == 0) {
      throw new IllegalArgumentException("a metric needs at least one refusal token");
    }
  }

  /**
   * @param logits {@code [batch, vocab]}
   * @return {@code [batch]}, float32 or float64 as the logits; differentiable
   */
  public NDArray apply(NDArray logits) {
    // The script copies the ids: a recorded graph keeps them for the backward pass, when Java's memory may be gone.
    try (NDArray tokens = logits.getManager().create(Arrays.stream(refusalTokens).asLongStream().toArray())) {
      return DecoderScript.SCRIPT.tensor("metric", logits, tokens);
    }
  }
}
