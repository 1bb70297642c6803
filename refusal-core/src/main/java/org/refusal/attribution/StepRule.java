package org.refusal.attribution;

/** Where in each of N equal steps of a path the gradient is taken. */
public enum StepRule {
  /** s = (j + 1/2) / N */
  MIDPOINT(.5),
  /** s = j / N */
  LEFT(0);

  private final double offset;

  StepRule(double offset) {
    this.offset = offset;
  }

  /** The points s in [0, 1). */
  public double[] points(int steps) {
    double[] points = new double[steps];
    for (int j = 0; j < steps; j++) {
      points[j] = (j + offset) / steps;
    }
    return points;
  }
}
