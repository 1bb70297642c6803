package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.refusal.torch.Memory;

/** Weights of an autoencoder on the heap and on a device. */
final class Parameters {
  private Parameters() {}

  static void check(String name, float[] values, int dSae) {
    if (values.length != dSae) {
      throw new IllegalArgumentException("%s has %d elements for d_sae %d".formatted(name, values.length, dSae));
    }
  }

  static float[] product(float[] values, float[] factors) {
    float[] product = new float[values.length];
    for (int i = 0; i < product.length; i++) {
      product[i] = values[i] * factors[i];
    }
    return product;
  }

  /** Of one number for all latents as many as there are latents. */
  static float[] full(float[] values, int dSae) {
    if (values.length == dSae) {
      return values;
    }
    float[] full = new float[dSae];
    Arrays.fill(full, values[0]);
    return full;
  }

  /** A copy that the manager owns, in float32 or float64. */
  static NDArray array(NDManager manager, float[] values, DataType dtype, long... shape) {
    return switch (dtype) {
      case FLOAT32 -> Memory.own(manager.create(values, new Shape(shape)));
      case FLOAT64 -> {
        double[] wide = new double[values.length];
        for (int i = 0; i < values.length; i++) {
          wide[i] = values[i];
        }
        yield Memory.own(manager.create(wide, new Shape(shape)));
      }
      default -> throw new IllegalArgumentException("an autoencoder computes in float32 or float64, not " + dtype);
    };
  }
}
