package org.refusal.model;

import ai.djl.ndarray.NDArray;
import org.refusal.circuit.HookPoint;

/** Sees the activation at a hook point and returns what the rest of the model computes on: the same, or another. */
@FunctionalInterface
public interface Hook {
  /** @param activation {@code [batch, pos, d_model]}; columns before a row's first token are padding */
  NDArray apply(NDArray activation, HookPoint at);
}
