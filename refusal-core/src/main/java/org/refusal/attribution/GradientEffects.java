package org.refusal.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/** Effects that are a gradient times a difference from the baseline. */
final class GradientEffects {
  private GradientEffects() {}

  /**
   * IE_i = sum over t of (g_t · W_dec_i)(f̄_i,t - f_i,t), error node: sum over t of h_t · (ē_t - e_t). Sums over tokens run
   * in float64; O(T d_model d_sae) per prompt.
   *
   * @param latentGradients g, one {@code [T, d_model]} per prompt
   * @param errorGradients h, likewise
   */
  static List<NodeEffects> of(HookedBatch batch, List<NDArray> latentGradients, List<NDArray> errorGradients) {
    List<NodeEffects> effects = new ArrayList<>();
    for (int r = 0; r < batch.size(); r++) {
      effects.add(of(batch, r, latentGradients.get(r), errorGradients.get(r)));
    }
    return effects;
  }

  private static NodeEffects of(HookedBatch batch, int r, NDArray latentGradient, NDArray errorGradient) {
    HookedBatch.Row row = batch.rows().get(r);
    try (Memory.Scope scope = Memory.scope()) {
      NDArray terms =
          TorchOps.cast(
              latentGradient.matMul(batch.sae().wDec().transpose()).mul(row.latentDelta()),
              DataType.FLOAT64); // [T, d_sae]
      double[] total = terms.sum(new int[] {0}).toDoubleArray();
      NDArray above = TorchOps.cast(row.latentDelta().lt(0), DataType.FLOAT64);
      double[] promptSide = terms.mul(above).sum(new int[] {0}).toDoubleArray();
      double error = TorchOps.cast(errorGradient.mul(row.errorDelta()), DataType.FLOAT64).sum().getDouble();
      int[] latents = activeLatents(row);
      NodeEffects effects =
          new NodeEffects(latents, select(total, latents), Optional.of(select(promptSide, latents)), error);
      if (!Double.isFinite(effects.sum())) {
        throw batch.notFinite(r, "sum over tokens");
      }
      return effects;
    }
  }

  /** Latents active in the prompt or in its baseline, ascending. */
  static int[] activeLatents(HookedBatch.Row row) {
    double[] active = AttributedBatch.doubles(row.active());
    int[] latents = new int[active.length];
    int count = 0;
    for (int i = 0; i < active.length; i++) {
      if (active[i] > 0) {
        latents[count++] = i;
      }
    }
    return Arrays.copyOf(latents, count);
  }

  private static double[] select(double[] values, int[] indices) {
    double[] selected = new double[indices.length];
    for (int i = 0; i < indices.length; i++) {
      selected[i] = values[indices[i]];
    }
    return selected;
  }
}
