package org.refusal.model;

/**
 * In what the decoders of the families differ, once their sizes are known. What they share: RMS norms, rotary positions,
 * grouped queries, a gated MLP, the residual stream.
 *
 * @param norm what an RMS norm does with its weight
 * @param normsBefore norms stand before attention and MLP
 * @param normsAfter norms stand after attention and MLP, before their outputs are added to the residual stream
 * @param headNorm norms of queries and keys, before they are rotated
 * @param activation of the gate
 * @param rotatesPart only the first part of a head's components is rotated
 * @param embeddingScale factor of the embedding; 1 for none
 * @param attentionScale factor of the products of queries and keys, which is 1 / sqrt(head_dim) in most
 * @param attentionCap c, where products s become c tanh(s / c) before the softmax; 0 for none
 * @param logitCap the same of the logits
 */
public record DecoderForm(
    Norm norm,
    boolean normsBefore,
    boolean normsAfter,
    HeadNorm headNorm,
    Activation activation,
    boolean rotatesPart,
    double embeddingScale,
    double attentionScale,
    double attentionCap,
    double logitCap) {

  /** Of x / sqrt(mean(x^2) + eps), which is computed in float32 at least. */
  public enum Norm {
    /** Rounded to the model's type, then multiplied by the weight. */
    WEIGHT,
    /** Multiplied by the weight, then rounded to the model's type. */
    WEIGHT_BEFORE_ROUNDING,
    /** Multiplied by 1 + weight, then rounded to the model's type. */
    ONE_PLUS_WEIGHT
  }

  /** Over what the norms of queries and keys take their means. */
  public enum HeadNorm {
    NONE,
    /** The components of one head; all heads share a weight. */
    PER_HEAD,
    /** The components of all heads of the queries, and of all heads of the keys. */
    FULL_WIDTH
  }

  /** Of the gate of the MLP. */
  public enum Activation {
    SILU,
    /** GELU in its approximation by tanh. */
    GELU_TANH
  }

  /** Llama's. */
  public static DecoderForm plain(int headDim) {
    return new DecoderForm(
        Norm.WEIGHT, true, false, HeadNorm.NONE, Activation.SILU, false, 1, 1 / Math.sqrt(headDim), 0, 0);
  }

  DecoderForm with(Norm other) {
    return new DecoderForm(
        other, normsBefore, normsAfter, headNorm, activation, rotatesPart, embeddingScale, attentionScale, attentionCap,
        logitCap);
  }

  DecoderForm withNorms(boolean before, boolean after) {
    return new DecoderForm(
        norm, before, after, headNorm, activation, rotatesPart, embeddingScale, attentionScale, attentionCap, logitCap);
  }

  DecoderForm with(HeadNorm other) {
    return new DecoderForm(
        norm, normsBefore, normsAfter, other, activation, rotatesPart, embeddingScale, attentionScale, attentionCap,
        logitCap);
  }

  DecoderForm with(Activation other) {
    return new DecoderForm(
        norm, normsBefore, normsAfter, headNorm, other, rotatesPart, embeddingScale, attentionScale, attentionCap,
        logitCap);
  }

  DecoderForm rotatingPart(boolean part) {
    return new DecoderForm(
        norm, normsBefore, normsAfter, headNorm, activation, part, embeddingScale, attentionScale, attentionCap, logitCap);
  }

  DecoderForm withEmbeddingScale(double scale) {
    return new DecoderForm(
        norm, normsBefore, normsAfter, headNorm, activation, rotatesPart, scale, attentionScale, attentionCap, logitCap);
  }

  DecoderForm withAttentionScale(double scale) {
    return new DecoderForm(
        norm, normsBefore, normsAfter, headNorm, activation, rotatesPart, embeddingScale, scale, attentionCap, logitCap);
  }

  DecoderForm withCaps(double attention, double logits) {
    return new DecoderForm(
        norm, normsBefore, normsAfter, headNorm, activation, rotatesPart, embeddingScale, attentionScale, attention, logits);
  }
}
