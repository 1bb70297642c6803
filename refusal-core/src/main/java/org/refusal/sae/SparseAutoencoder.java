package org.refusal.sae;

import ai.djl.ndarray.NDArray;

/**
 * x̂ = W_dec f + b_dec, f = TopK_k(ReLU(W_enc (x - b_dec) + b_enc)) (Gao et al. 2024, section 2.3). Immutable; dtype and
 * device are those of its weights.
 */
public interface SparseAutoencoder extends AutoCloseable {
  int dIn();

  int dSae();

  int k();

  /** {@code [d_in, d_sae]} */
  NDArray wEnc();

  /** {@code [d_sae]} */
  NDArray bEnc();

  /** {@code [d_sae, d_in]}, row i is the direction of latent i */
  NDArray wDec();

  /** {@code [d_in]} */
  NDArray bDec();

  /** @param x {@code [tokens, d_in]} */
  SparseLatents encode(NDArray x);

  /** @return {@code [tokens, d_sae]} */
  NDArray encodeDense(NDArray x);

  /** @return x̂ {@code [tokens, d_in]} */
  NDArray decode(SparseLatents latents);

  @Override
  void close();
}
