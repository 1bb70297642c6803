package org.refusal.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * A prompt's difference from its partner and the gradient with which the model reads it (docs/evaluation.md, effect form),
 * each a weighted sum over tokens, sinks left out: w_t = ||g_t|| / sum over t of ||g_t||, g the gradient averaged over the
 * straight path from x to x'. Both are zero where the gradient is.
 *
 * @param difference v_p = sum over t of w_t (x_t - x'_t) {@code [d_model]}, before projection on the read-out
 * @param gradient sum over t of w_t g_t {@code [d_model]}, nats per unit of activation
 */
record EffectForm(float[] difference, float[] gradient) {

  /**
   * @param gradient g {@code [T, d_model]}
   * @param row for x' - x
   */
  static EffectForm of(NDArray gradient, HookedBatch.Row row) {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray g = rows(gradient, row);
      NDArray norms = g.mul(g).sum(new int[] {1}, true).sqrt(); // [T, 1]
      double total = norms.sum().getDouble();
      NDArray delta = TorchOps.cast(row.delta(), DataType.FLOAT64);
      return new EffectForm(weighted(delta, norms, -total), weighted(g, norms, total));
    }
  }

  private static float[] weighted(NDArray rows, NDArray weights, double total) {
    double[] sum = rows.mul(weights).sum(new int[] {0}).toDoubleArray();
    float[] vector = new float[sum.length];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = total == 0 ? 0 : (float) (sum[i] / total);
    }
    return vector;
  }

  /** The gradient rows in float64, zero at sinks {@code [T, d_model]}. */
  static NDArray rows(NDArray gradient, HookedBatch.Row row) {
    return TorchOps.cast(gradient.mul(row.keep()), DataType.FLOAT64);
  }
}
