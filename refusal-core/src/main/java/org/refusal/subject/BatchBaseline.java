package org.refusal.subject;

import ai.djl.ndarray.NDArray;
import org.refusal.circuit.HookPoint;
import org.refusal.model.TokenBatch;

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

  /** Leading columns in which every row has padding or tokens that are their own baseline; one at least is left. */
  default int unchangedColumns(TokenBatch batch) {
    int columns = batch.width() - 1;
    for (int row = 0; row < batch.size(); row++) {
      columns = Math.min(columns, batch.padding(row) + unchanged(row));
    }
    return columns;
  }

  @Override
  void close();
}
