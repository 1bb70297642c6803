package org.refusal.train;

/** The point with the least sum of distances to given points (Weiszfeld's iteration). */
final class GeometricMedian {
  private static final int MAX_ITERATIONS = 100;
  private static final double TOLERANCE = 1e-6;

  private GeometricMedian() {}

  /** @param points {@code [n, width]}; time grows with n times width, at most 100 passes */
  static float[] of(float[] points, int width) {
    int n = points.length / width;
    double[] median = new double[width];
    for (int p = 0; p < n; p++) {
      for (int i = 0; i < width; i++) {
        median[i] += points[p * width + i] / (double) n;
      }
    }
    for (int iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
      double[] next = new double[width];
      double weights = 0;
      for (int p = 0; p < n; p++) {
        double weight = 1 / Math.max(distance(points, p, median), 1e-12);
        weights += weight;
        for (int i = 0; i < width; i++) {
          next[i] += weight * points[p * width + i];
        }
      }
      double moved = 0;
      double length = 0;
      for (int i = 0; i < width; i++) {
        next[i] /= weights;
        moved += (next[i] - median[i]) * (next[i] - median[i]);
        length += next[i] * next[i];
      }
      median = next;
      if (moved <= TOLERANCE * TOLERANCE * length) {
        break;
      }
    }
    float[] result = new float[width];
    for (int i = 0; i < width; i++) {
      result[i] = (float) median[i];
    }
    return result;
  }

  private static double distance(float[] points, int p, double[] from) {
    double sum = 0;
    for (int i = 0; i < from.length; i++) {
      double difference = points[p * from.length + i] - from[i];
      sum += difference * difference;
    }
    return Math.sqrt(sum);
  }
}
