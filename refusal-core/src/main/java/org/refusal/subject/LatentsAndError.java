package org.refusal.subject;

import ai.djl.ndarray.NDArray;
import org.refusal.sae.SparseAutoencoder;

/**
 * An activation split by an SAE: x = W_dec f + b_dec + e.
 *
 * @param latents f {@code [tokens, d_sae]}
 * @param error e {@code [tokens, d_model]}
 */
public record LatentsAndError(NDArray latents, NDArray error) {

  /** @param activation {@code [tokens, d_model]} in the SAE's dtype; O(tokens d_model d_sae) */
  public static LatentsAndError of(NDArray activation, SparseAutoencoder sae) {
    NDArray latents = sae.encodeDense(activation); // [tokens, d_sae]
    return new LatentsAndError(latents, activation.sub(decode(latents, sae)));
  }

  /** x̂ = W_dec f + b_dec of dense latents. */
  public static NDArray decode(NDArray latents, SparseAutoencoder sae) {
    return latents.matMul(sae.wDec()).add(sae.bDec()); // [tokens, d_model]
  }
}
