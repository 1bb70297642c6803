package org.refusal.sae;

import ai.djl.ndarray.NDArray;

/**
 * The k active latents of every token.
 *
 * @param indices {@code [tokens, k]} int64
 * @param values {@code [tokens, k]}, not negative; 0 where fewer than k latents are active
 */
public record SparseLatents(NDArray indices, NDArray values) {}
