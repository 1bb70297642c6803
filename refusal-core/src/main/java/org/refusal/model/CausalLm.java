package org.refusal.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.refusal.circuit.HookPoint;

/**
 * A decoder-only language model. Arrays are attached to the manager of the current scope (see torch.Memory); weights
 * belong to the model.
 */
public interface CausalLm extends AutoCloseable {
  ModelConfig config();

  NDManager manager();

  /** One forward pass. */
  NDArray forward(TokenBatch batch, Hooks hooks, LogitsAt logits);

  /** Runs up to a hook point and stops there; the hooks before it act. */
  Prefix prefix(TokenBatch batch, HookPoint at, Hooks hooks);

  /**
   * Goes on from a prefix with another activation at its hook point. Only the layers above are run; hooks at later
   * points act.
   *
   * @param activation {@code [batch, pos, d_model]}, may require a gradient
   */
  NDArray suffix(Prefix prefix, NDArray activation, Hooks hooks, LogitsAt logits);

  @Override
  void close();
}
