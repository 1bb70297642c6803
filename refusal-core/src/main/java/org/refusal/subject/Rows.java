package org.refusal.subject;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import java.util.Arrays;
import java.util.Map;
import org.refusal.circuit.HookPoint;
import org.refusal.sae.SparseAutoencoder;

/** Selection of rows, and of the autoencoder of a hook point. */
final class Rows {
  private Rows() {}

  /** @return rows of {@code values} in the order of the positions */
  static NDArray take(NDArray values, int[] positions) {
    NDArray index = values.getManager().create(Arrays.stream(positions).asLongStream().toArray());
    return values.get(new NDIndex("{}", index));
  }

  static SparseAutoencoder sae(Map<HookPoint, SparseAutoencoder> saes, HookPoint at) {
    SparseAutoencoder sae = saes.get(at);
    if (sae == null) {
      throw new IllegalStateException("no autoencoder at " + at.name());
    }
    return sae;
  }
}
