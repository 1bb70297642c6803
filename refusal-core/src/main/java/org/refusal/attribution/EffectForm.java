package org.refusal.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * The difference vector of a prompt as the model reads it, before projection (docs/evaluation.md, effect form): v_p = sum over t of
 * (||g_t|| / sum over t of ||g_t||) (x_t - x'_t), g the gradient averaged over the straight path from x to x'. Sinks are
 * left out. Zero where the gradient is.
 */
final class EffectForm {
  private EffectForm() {}

  /**
   * @param gradient g {@code [T, d_model]}
   * @param row for x' - x
   * @return v_p {@code [d_model]}
   */
  static float[] vector(NDArray gradient, HookedBatch.Row row) {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray g = rows(gradient, row);
      NDArray norms = g.mul(g).sum(new int[] {1}, true).sqrt(); // [T, 1]
      double total = norms.sum().getDouble();
      NDArray delta = TorchOps.cast(row.delta(), DataType.FLOAT64);
      double[] weighted = delta.mul(norms).sum(new int[] {0}).toDoubleArray();
      float[] vector = new float[weighted.length];
      for (int i = 0; i < vector.length; i++) {
        vector[i] = total == 0 ? 0 : (float) (-weighted[i] / total);
      }
      return vector;
    }
  }

  /** The gradient rows in float64, zero at sinks {@code [T, d_model]}. */
  static NDArray rows(NDArray gradient, HookedBatch.Row row) {
    return TorchOps.cast(gradient.mul(row.keep()), DataType.FLOAT64);
  }
}
