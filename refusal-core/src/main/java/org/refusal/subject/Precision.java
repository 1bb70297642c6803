package org.refusal.subject;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import org.refusal.torch.TorchOps;

/**
 * The dtype in which latents, baselines and effects are computed: float64 for a float64 model, else float32, whatever
 * half type the model itself runs in. SAEs are loaded in it.
 */
public final class Precision {
  private Precision() {}

  public static DataType working(DataType model) {
    return model == DataType.FLOAT64 ? DataType.FLOAT64 : DataType.FLOAT32;
  }

  /** Values of the model in the working dtype. */
  public static NDArray toWorking(NDArray values) {
    return TorchOps.cast(values, working(values.getDataType()));
  }
}
