package org.refusal.sae;

import org.refusal.base.UserException;

/**
 * The numbers of an autoencoder on the Java heap, row major.
 *
 * @param wEnc {@code [d_in, d_sae]}
 * @param bEnc {@code [d_sae]}
 * @param wDec {@code [d_sae, d_in]}
 * @param bDec {@code [d_in]}
 */
public record SaeWeights(int dIn, int dSae, Architecture architecture, float[] wEnc, float[] bEnc, float[] wDec, float[] bDec) {
  public SaeWeights {
    if (dIn < 1 || dSae < 1) {
      throw new IllegalArgumentException("d_in %d, d_sae %d".formatted(dIn, dSae));
    }
    long size = (long) dIn * dSae;
    if (wEnc.length != size || wDec.length != size || bEnc.length != dSae || bDec.length != dIn) {
      throw new IllegalArgumentException(
          "weights of %d, %d, %d and %d elements for d_in %d, d_sae %d"
              .formatted(wEnc.length, bEnc.length, wDec.length, bDec.length, dIn, dSae));
    }
    architecture.check(dSae);
  }

  /** A top-k autoencoder. */
  public SaeWeights(int dIn, int dSae, int k, float[] wEnc, float[] bEnc, float[] wDec, float[] bDec) {
    this(dIn, dSae, new TopK(k), wEnc, bEnc, wDec, bDec);
  }

  /**
   * The autoencoder of x for one that was trained on c x: W_enc c, W_dec / c, b_dec / c (docs/autoencoders.md). Its latents are
   * those of the trained one.
   */
  public SaeWeights withInputScale(double c) {
    return new SaeWeights(dIn, dSae, architecture, times(wEnc, c), bEnc, times(wDec, 1 / c), times(bDec, 1 / c));
  }

  /**
   * From an encoder of x to one of x - b_dec: b_enc takes up W_enc^T b_dec. The same latents.
   */
  SaeWeights withInputBias() {
    float[] folded = bEnc.clone();
    SaeCheckpoint.foldInputBias(wEnc, folded, bDec);
    return new SaeWeights(dIn, dSae, architecture.shifted(inputShifts()), wEnc, folded, wDec, bDec);
  }

  /** W_enc^T b_dec {@code [d_sae]}. */
  float[] inputShifts() {
    float[] shifts = new float[dSae];
    SaeCheckpoint.foldInputBias(wEnc, shifts, bDec);
    return shifts;
  }

  /**
   * With decoder rows of length 1: their norms move into the encoder. The reconstruction stays, but where latents compete for
   * the k places of a top-k autoencoder, which are then given to the largest of the new latents.
   *
   * @param place of the weights, for messages
   */
  SaeWeights withDecoderNorms(String place) {
    float[] norms = new float[dSae];
    float[] encoder = wEnc.clone();
    float[] bias = bEnc.clone();
    float[] decoder = wDec.clone();
    for (int i = 0; i < dSae; i++) {
      double squares = 0;
      for (int j = 0; j < dIn; j++) {
        squares += (double) wDec[i * dIn + j] * wDec[i * dIn + j];
      }
      norms[i] = (float) Math.sqrt(squares);
      if (norms[i] == 0) {
        throw UserException.badData(place + ": decoder row " + i + " is zero, but latents are rescaled by its norm");
      }
      bias[i] *= norms[i];
      for (int j = 0; j < dIn; j++) {
        decoder[i * dIn + j] /= norms[i];
        encoder[j * dSae + i] *= norms[i];
      }
    }
    return new SaeWeights(dIn, dSae, architecture.scaled(norms), encoder, bias, decoder, bDec);
  }

  /** In words: {@code d_in 64, d_sae 256, k 8}. */
  public String summary() {
    return "d_in %d, d_sae %d, %s".formatted(dIn, dSae, architecture.summary());
  }

  private static float[] times(float[] values, double factor) {
    float[] scaled = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      scaled[i] = (float) (values[i] * factor);
    }
    return scaled;
  }
}
