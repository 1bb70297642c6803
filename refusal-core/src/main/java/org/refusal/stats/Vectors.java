package org.refusal.stats;

import java.util.Arrays;
import java.util.List;

/** Vectors and orthonormal rows in float64. */
public final class Vectors {
  /** What is left of a vector once its share in the rows is taken off is rounding where it is shorter than this part of it. */
  private static final double ROUNDING = 1e-9;

  private Vectors() {}

  public static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  /** The vector at length 1; a zero vector stays zero. */
  public static double[] unit(double[] vector) {
    double norm = Math.sqrt(dot(vector, vector));
    return norm > 0 ? Arrays.stream(vector).map(value -> value / norm).toArray() : vector.clone();
  }

  /** B Bᵀ v: the part of a vector in the span of orthonormal rows {@code [d]}. */
  public static double[] project(double[][] basis, double[] vector) {
    double[] projected = new double[vector.length];
    for (double[] direction : basis) {
      double along = dot(direction, vector);
      for (int i = 0; i < vector.length; i++) {
        projected[i] += along * direction[i];
      }
    }
    return projected;
  }

  /**
   * Adds the direction in which the vector leaves the span of the orthonormal rows (Gram-Schmidt, twice for rounding);
   * nothing where it does not leave it. O(rows d).
   */
  public static void append(List<double[]> basis, double[] vector) {
    double[] rest = vector.clone();
    for (int pass = 0; pass < 2; pass++) {
      for (double[] row : basis) {
        double along = dot(row, rest);
        for (int i = 0; i < rest.length; i++) {
          rest[i] -= along * row[i];
        }
      }
    }
    if (Math.sqrt(dot(rest, rest)) > ROUNDING * Math.sqrt(dot(vector, vector))) {
      basis.add(unit(rest));
    }
  }
}
