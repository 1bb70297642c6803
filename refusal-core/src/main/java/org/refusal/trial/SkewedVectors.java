package org.refusal.trial;

import java.util.SplittableRandom;

/**
 * Vectors that are skewed and sparse like attributions over latents: each is its category's cause, a unit vector, times a
 * log-normal strength, plus noise at a tenth of the coordinates, exponential less its mean.
 *
 * @param cosine true cosine of every two categories' causes
 * @param noise expected norm of a vector's noise, the cause's being 1
 */
record SkewedVectors(int categories, double cosine, double noise) {
  private static final int WIDTH = 300;
  private static final double ACTIVITY = 0.1;
  private static final double STRENGTH_SPREAD = 0.5;

  /** Categories one after the other {@code [K * perCategory][width]}. */
  double[][] draw(int perCategory, SplittableRandom random) {
    double scale = noise / Math.sqrt(WIDTH * ACTIVITY); // an exponential has variance 1
    double[][] rows = new double[categories * perCategory][WIDTH];
    for (int p = 0; p < rows.length; p++) {
      double strength = Math.exp(STRENGTH_SPREAD * random.nextGaussian() - STRENGTH_SPREAD * STRENGTH_SPREAD / 2);
      rows[p][0] = strength * Math.sqrt(cosine);
      rows[p][(1 + p / perCategory) * (WIDTH / (categories + 1))] = strength * Math.sqrt(1 - cosine);
      for (int column = 0; column < WIDTH; column++) {
        if (random.nextDouble() < ACTIVITY) {
          rows[p][column] += scale * (-Math.log(1 - random.nextDouble()) - 1);
        }
      }
    }
    return rows;
  }
}
