package org.refusal.compare;

import java.util.Arrays;

/**
 * Similarity of two circuits in the space of the residual stream, by the directions that their latents write: each
 * latent's best cosine match among the other circuit's latents, weighted by importance, both ways averaged. Survives
 * another autoencoder seed and the splitting of one direction over several latents.
 */
public final class DecoderSimilarity {
  private DecoderSimilarity() {}

  /**
   * O(a b d). NaN when either side has no latent with positive importance and a non-zero row. Negative best matches count
   * as they are.
   *
   * @param importanceA {@code [a]}, not negative
   * @param decoderA {@code [a][d]} decoder rows, any norm
   */
  public static double of(double[] importanceA, float[][] decoderA, double[] importanceB, float[][] decoderB) {
    if (importanceA.length != decoderA.length || importanceB.length != decoderB.length) {
      throw new IllegalArgumentException("importances and decoder rows differ in number");
    }
    double[] bestA = new double[importanceA.length];
    double[] bestB = new double[importanceB.length];
    Arrays.fill(bestA, Double.NEGATIVE_INFINITY);
    Arrays.fill(bestB, Double.NEGATIVE_INFINITY);
    double[] normA = norms(decoderA);
    double[] normB = norms(decoderB);
    for (int i = 0; i < bestA.length; i++) {
      for (int j = 0; j < bestB.length; j++) {
        if (importanceA[i] > 0 && importanceB[j] > 0 && normA[i] > 0 && normB[j] > 0) {
          double cosine = dot(decoderA[i], decoderB[j]) / (normA[i] * normB[j]);
          bestA[i] = Math.max(bestA[i], cosine);
          bestB[j] = Math.max(bestB[j], cosine);
        }
      }
    }
    return (weightedMean(importanceA, bestA) + weightedMean(importanceB, bestB)) / 2;
  }

  private static double weightedMean(double[] weights, double[] values) {
    double sum = 0;
    double total = 0;
    for (int i = 0; i < weights.length; i++) {
      if (values[i] > Double.NEGATIVE_INFINITY) {
        sum += weights[i] * values[i];
        total += weights[i];
      }
    }
    return total > 0 ? sum / total : Double.NaN;
  }

  private static double[] norms(float[][] rows) {
    double[] norms = new double[rows.length];
    for (int i = 0; i < rows.length; i++) {
      norms[i] = Math.sqrt(dot(rows[i], rows[i]));
    }
    return norms;
  }

  private static double dot(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }
}
