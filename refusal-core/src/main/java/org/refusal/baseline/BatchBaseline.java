package org.refusal.baseline;

import ai.djl.ndarray.NDArray;
import org.refusal.circuit.HookPoint;

/**
 * Baseline values for the prompts of a batch, token by token, without padding. Arrays handed out are in the SAEs' dtype
 * (float32 where there is none), made anew by every call, and belong to the caller's scope.
 */
public interface BatchBaseline extends AutoCloseable {

  /** x': what the activation of the row's prompt is set to, {@code [T, d_model]}. */
  NDArray activation(HookPoint at, int row);

  /** f̄ and ē: what its latents and its SAE error are set to; together they make {@link #activation}. */
  LatentsAndError latentsAndError(HookPoint at, int row);

  /** Tokens whose baseline is an attention sink {@code [T]}; their counterparts in the prompt are left alone too. */
  boolean[] sinks(HookPoint at, int row);

  /** How many leading tokens have themselves as baseline: no intervention changes them. */
  default int unchanged(int row) {
    return 0;
  }

  @Override
  void close();
}
