package org.refusal.train;

import java.util.Random;
import org.refusal.base.Seeds;
import org.refusal.sae.SaeWeights;

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

  /**
   * FVU of the true dictionary: every token is reconstructed by least squares from the directions with the largest inner
   * products, as many as are active. Of the first so many rows.
   */
  double oracleFvu(float[] rows, int tokens) {
    double[] mean = new double[width];
    double residual = 0;
    for (int t = 0; t < tokens; t++) {
      float[] row = java.util.Arrays.copyOfRange(rows, t * width, (t + 1) * width);
      for (int i = 0; i < width; i++) {
        mean[i] += row[i] / (double) tokens;
        row[i] -= offset[i];
      }
      residual += residual(row, nearest(row));
    }
    double total = 0;
    for (int i = 0; i < tokens * width; i++) {
      total += (rows[i] - mean[i % width]) * (rows[i] - mean[i % width]);
    }
    return residual / total;
  }

  private int[] nearest(float[] row) {
    double[] products = new double[directions.length];
    for (int j = 0; j < products.length; j++) {
      products[j] = Kernels.dot(row, 0, directions[j], 0, width);
    }
    return java.util.stream.IntStream.range(0, products.length)
        .boxed()
        .sorted(java.util.Comparator.comparingDouble(j -> -products[j]))
        .limit(active)
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /** Squared distance of a row from the span of some directions (Gram-Schmidt). */
  private double residual(float[] row, int[] chosen) {
    double[] rest = new double[width];
    for (int i = 0; i < width; i++) {
      rest[i] = row[i];
    }
    double[][] basis = new double[chosen.length][];
    for (int j = 0; j < chosen.length; j++) {
      double[] axis = new double[width];
      for (int i = 0; i < width; i++) {
        axis[i] = directions[chosen[j]][i];
      }
      for (int before = 0; before < j; before++) {
        remove(axis, basis[before]);
      }
      double norm = Math.sqrt(java.util.Arrays.stream(axis).map(v -> v * v).sum());
      for (int i = 0; i < width; i++) {
        axis[i] /= norm;
      }
      basis[j] = axis;
      remove(rest, axis);
    }
    return java.util.Arrays.stream(rest).map(v -> v * v).sum();
  }

  private static void remove(double[] vector, double[] axis) {
    double along = 0;
    for (int i = 0; i < axis.length; i++) {
      along += vector[i] * axis[i];
    }
    for (int i = 0; i < axis.length; i++) {
      vector[i] -= along * axis[i];
    }
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
