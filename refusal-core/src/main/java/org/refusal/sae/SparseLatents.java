package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import org.refusal.torch.TorchOps;

/**
 * The active latents of every token, any number of them, as sparse rows.
 *
 * @param offsets {@code [tokens]} int64, the first entry of each token; a token may have none
 * @param indices {@code [entries]} int64, which latent
 * @param values {@code [entries]}, not negative; 0 where an entry stands for no active latent
 */
public record SparseLatents(NDArray offsets, NDArray indices, NDArray values) {

  /**
   * The same number of entries for every token.
   *
   * @param indices {@code [tokens, k]} int64
   * @param values {@code [tokens, k]}
   */
  public static SparseLatents ofEqualRows(NDArray indices, NDArray values) {
    return new SparseLatents(TorchOps.equalOffsets(indices), indices.reshape(-1), values.reshape(-1));
  }

  /** @param latents {@code [tokens, d_sae]}; what is not 0 becomes an entry, in ascending order */
  public static SparseLatents ofDense(NDArray latents) {
    TorchOps.SparseRows rows = TorchOps.sparseRows(latents);
    return new SparseLatents(rows.offsets(), rows.indices(), rows.values());
  }

  public long tokens() {
    return offsets.size();
  }

  public long entries() {
    return indices.size();
  }

  /** @return {@code [tokens, d_sae]} */
  public NDArray dense(int dSae) {
    return TorchOps.denseRows(rows(), dSae);
  }

  TorchOps.SparseRows rows() {
    return new TorchOps.SparseRows(offsets, indices, values);
  }
}
