package org.refusal.sae;

/**
 * The numbers of a top-k autoencoder on the Java heap, row major.
 *
 * @param wEnc {@code [d_in, d_sae]}
 * @param bEnc {@code [d_sae]}
 * @param wDec {@code [d_sae, d_in]}
 * @param bDec {@code [d_in]}
 */
public record SaeWeights(int dIn, int dSae, int k, float[] wEnc, float[] bEnc, float[] wDec, float[] bDec) {
  public SaeWeights {
    if (dIn < 1 || dSae < 1 || k < 1 || k > dSae) {
      throw new IllegalArgumentException("d_in %d, d_sae %d, k %d".formatted(dIn, dSae, k));
    }
    long size = (long) dIn * dSae;
    if (wEnc.length != size || wDec.length != size || bEnc.length != dSae || bDec.length != dIn) {
      throw new IllegalArgumentException(
          "weights of %d, %d, %d and %d elements for d_in %d, d_sae %d"
              .formatted(wEnc.length, bEnc.length, wDec.length, bDec.length, dIn, dSae));
    }
  }

  /**
   * The autoencoder of x for one that was trained on c x: W_enc c, W_dec / c, b_dec / c (docs/autoencoders.md). Its latents are
   * those of the trained one.
   */
  public SaeWeights withInputScale(double c) {
    return new SaeWeights(dIn, dSae, k, times(wEnc, c), bEnc, times(wDec, 1 / c), times(bDec, 1 / c));
  }

  private static float[] times(float[] values, double factor) {
    float[] scaled = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      scaled[i] = (float) (values[i] * factor);
    }
    return scaled;
  }
}
