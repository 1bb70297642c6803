package org.refusal.bench;

import ai.djl.ndarray.types.DataType;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.refusal.base.Seeds;
import org.refusal.circuit.HookPoint;
import org.refusal.model.CausalLm;
import org.refusal.sae.SaeWeights;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.sae.TensorAutoencoder;

/** Untrained autoencoders: what they cost depends on their size alone. */
final class RandomSaes {
  private RandomSaes() {}

  static Map<HookPoint, SparseAutoencoder> at(Iterable<HookPoint> points, CausalLm lm, int dSae, int k, long seed) {
    Map<HookPoint, SparseAutoencoder> saes = new TreeMap<>();
    for (HookPoint point : points) {
      saes.put(
          point,
          TensorAutoencoder.of(
              weights(lm.config().dModel(), dSae, k, Seeds.derive(seed, point.name())), lm.manager(),
              DataType.FLOAT32));
    }
    return saes;
  }

  private static SaeWeights weights(int dIn, int dSae, int k, long seed) {
    Random random = new Random(seed);
    float[] wEnc = new float[dIn * dSae];
    float[] wDec = new float[dIn * dSae];
    float size = (float) (1 / Math.sqrt(dIn));
    for (int row = 0; row < dSae; row++) {
      for (int i = 0; i < dIn; i++) {
        float weight = size * (float) random.nextGaussian();
        wDec[row * dIn + i] = weight;
        wEnc[i * dSae + row] = weight;
      }
    }
    return new SaeWeights(dIn, dSae, k, wEnc, new float[dSae], wDec, new float[dIn]);
  }
}
