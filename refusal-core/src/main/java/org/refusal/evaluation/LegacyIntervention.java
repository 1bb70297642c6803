package org.refusal.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Collection;
import org.refusal.circuit.HookPoint;
import org.refusal.model.Hook;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.subject.Precision;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * What the original project did at a hook point ({@code evaluation.legacy}): some latents take the values that the mean
 * activation has when it is encoded (not the mean of the latents); the error of the reconstruction stays. At every position,
 * sinks included. x + (f' - f) W_dec, f' = f but for those latents.
 */
public final class LegacyIntervention implements Hook {

  /** Which latents are replaced. */
  public enum Replaced {
    CIRCUIT,
    COMPLEMENT,
    ALL
  }

  private final SparseAutoencoder sae;
  private final float[] mean;
  private final boolean[] replaced;

  /**
   * @param mean activation {@code [d_model]}
   * @param circuit latents of the circuit at this hook point
   */
  public LegacyIntervention(SparseAutoencoder sae, float[] mean, Collection<Integer> circuit, Replaced which) {
    this.sae = sae;
    this.mean = mean.clone();
    this.replaced = new boolean[sae.dSae()];
    for (int i = 0; i < replaced.length; i++) {
      replaced[i] =
          switch (which) {
            case ALL -> true;
            case CIRCUIT -> circuit.contains(i);
            case COMPLEMENT -> !circuit.contains(i);
          };
    }
  }

  /**
   * The mean over all rows of all blocks, in float64.
   *
   * @param blocks each {@code [rows, width]}, row-major
   */
  public static float[] mean(Iterable<float[]> blocks, int width) {
    double[] sums = new double[width];
    long rows = 0;
    for (float[] block : blocks) {
      for (int i = 0; i < block.length; i++) {
        sums[i % width] += block[i];
      }
      rows += block.length / width;
    }
    float[] mean = new float[width];
    for (int j = 0; j < width; j++) {
      mean[j] = (float) (sums[j] / rows);
    }
    return mean;
  }

  @Override
  public NDArray apply(NDArray activation, HookPoint at) {
    try (Memory.Scope scope = Memory.scope()) {
      Shape shape = activation.getShape();
      NDArray x = Precision.toWorking(activation).reshape(-1, sae.dIn()); // [batch * pos, d_model]
      DataType type = x.getDataType();
      NDArray latents = sae.encodeDense(x); // [batch * pos, d_sae]
      float[] keep = new float[replaced.length];
      for (int i = 0; i < keep.length; i++) {
        keep[i] = replaced[i] ? 1 : 0;
      }
      NDArray mask = TorchOps.cast(x.getManager().create(keep), type); // [d_sae]
      NDArray ofMean =
          sae.encodeDense(TorchOps.cast(x.getManager().create(mean, new Shape(1, sae.dIn())), type)); // [1, d_sae]
      NDArray change = ofMean.sub(latents).mul(mask).matMul(sae.wDec()); // [batch * pos, d_model]
      NDArray patched = TorchOps.castLike(x.add(change).reshape(shape), activation);
      return scope.keep(patched);
    }
  }
}
