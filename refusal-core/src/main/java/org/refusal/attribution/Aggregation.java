package org.refusal.attribution;

/** How a latent's values over the positions of a prompt become one, in the legacy definitions. */
public enum Aggregation {
  MEAN,
  MAX,
  /** The last position. */
  NONE;

  public static Aggregation of(String name) {
    return valueOf(name.toUpperCase(java.util.Locale.ROOT));
  }

  /**
   * In float32, as the definitions have it.
   *
   * @param values {@code [tokens * width]}, row-major
   * @return {@code [width]}
   */
  public float[] apply(float[] values, int width) {
    int tokens = values.length / width;
    float[] aggregated = new float[width];
    for (int i = 0; i < width; i++) {
      switch (this) {
        case MEAN -> {
          double sum = 0;
          for (int t = 0; t < tokens; t++) {
            sum += values[t * width + i];
          }
          aggregated[i] = (float) (sum / tokens);
        }
        case MAX -> {
          float largest = Float.NEGATIVE_INFINITY;
          for (int t = 0; t < tokens; t++) {
            largest = Math.max(largest, values[t * width + i]);
          }
          aggregated[i] = largest;
        }
        default -> aggregated[i] = values[(tokens - 1) * width + i];
      }
    }
    return aggregated;
  }
}
