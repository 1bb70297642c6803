package org.refusal.sae;

import java.util.Random;
import org.refusal.base.Seeds;

/** Sparse sums of known unit directions with noise. */
record PlantedActivations(int width, float[][] directions, int active, double noise, float[] offset) {

  static PlantedActivations random(int width, int directions, int active, double noise, long seed) {
    Random random = new Random(Seeds.derive(seed, "directions"));
    float[][] rows = new float[directions][width];
    for (float[] row : rows) {
      for (int i = 0; i < width; i++) {
        row[i] = (float) random.nextGaussian();
      }
      float norm = (float) Math.sqrt(Kernels.squares(row, 0, width));
      Kernels.scale(row, 0, width, 1 / norm);
    }
    float[] offset = new float[width];
    for (int i = 0; i < width; i++) {
      offset[i] = (float) random.nextGaussian();
    }
    return new PlantedActivations(width, rows, active, noise, offset);
  }

  /** @return {@code [tokens, width]} */
  float[] sample(int tokens, long seed) {
    Random random = new Random(Seeds.derive(seed, "sample"));
    float[] rows = new float[tokens * width];
    for (int t = 0; t < tokens; t++) {
      for (int i = 0; i < width; i++) {
        rows[t * width + i] = offset[i] + (float) (noise * random.nextGaussian());
      }
      for (int direction : random.ints(0, directions.length).distinct().limit(active).toArray()) {
        Kernels.addOne(rows, t * width, directions[direction], 0, 1 + random.nextFloat(), width);
      }
    }
    return rows;
  }

  /** Mean over the planted directions of the largest cosine with a decoder row. */
  double meanMaxCosine(SaeWeights weights) {
    double sum = 0;
    for (float[] direction : directions) {
      double best = -1;
      for (int i = 0; i < weights.dSae(); i++) {
        double norm = Math.sqrt(Kernels.squares(weights.wDec(), i * width, width));
        best = Math.max(best, Kernels.dot(direction, 0, weights.wDec(), i * width, width) / norm);
      }
      sum += best;
    }
    return sum / directions.length;
  }
}
