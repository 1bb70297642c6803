package org.refusal.model;

import java.util.Optional;

/**
 * What transformers' configuration class of a family takes for keys that config.json leaves out.
 *
 * @param kvHeads 0: as many as query heads
 * @param headDim 0: hidden_size / num_attention_heads
 * @param begin bos_token_id
 * @param pad pad_token_id
 */
public record FamilyDefaults(
    int vocabSize,
    int hidden,
    int intermediate,
    int layers,
    int heads,
    int kvHeads,
    int headDim,
    int maxPositions,
    double rmsNormEps,
    boolean tiedEmbeddings,
    Optional<Integer> begin,
    Optional<Integer> pad) {}
