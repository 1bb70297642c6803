package org.refusal.sae;

import ai.djl.ndarray.NDArray;

/**
 * x̂ = W_dec f + b_dec, f the latents that its {@link Architecture} makes of W_enc (x - b_dec) + b_enc. Immutable; dtype and
 * device are those of its weights.
 */
public interface SparseAutoencoder extends AutoCloseable {
  Architecture architecture();

  int dIn();

  int dSae();

  /** {@code [d_sae, d_in]}, row i is the direction of latent i */
  NDArray wDec();

  /** {@code [d_in]} */
  NDArray bDec();

  /** @param x {@code [tokens, d_in]} */
  SparseLatents encode(NDArray x);

  /** @return {@code [tokens, d_sae]} */
  NDArray encodeDense(NDArray x);

  /**
   * The values that all latents would have if they were active: affine in x, so that their gradient within the active set is
   * that of the latents.
   *
   * @return {@code [tokens, d_sae]}
   */
  NDArray activeValues(NDArray x);

  /** One column of {@link #activeValues} at the cost of one latent {@code [tokens, 1]}. */
  NDArray activeValues(NDArray x, int latent);

  /** @return x̂ {@code [tokens, d_in]} */
  NDArray decode(SparseLatents latents);

  @Override
  void close();
}
