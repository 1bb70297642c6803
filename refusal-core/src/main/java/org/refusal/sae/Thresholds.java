package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import org.refusal.torch.TorchOps;

/** Latents that are active where the encoder's value lies strictly above a threshold and above 0. */
record Thresholds(NDArray threshold) implements Architecture.Activation {

  @Override
  public NDArray dense(NDArray p) {
    DataType type = p.getDataType();
    return p.getNDArrayInternal().relu().mul(TorchOps.cast(p.gt(threshold), type));
  }
}
