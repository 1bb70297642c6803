package org.refusal.attribution;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.EigenDecomposition;

/**
 * The largest eigenvalues of a positive semi-definite matrix and their vectors: by the full decomposition up to
 * {@value #DIRECT} rows, O(n³); beyond, by subspace iteration with Rayleigh-Ritz projection (Halko, Martinsson and Tropp
 * 2011, section 4.5) until the energy that is captured stands still, O(n² b) per iteration for a block of b vectors.
 */
final class LeadingEigenvectors {
  static final int DIRECT = 640;
  private static final int OVERSAMPLING = 16;
  private static final int MAX_ITERATIONS = 500;
  private static final double TOLERANCE = 1e-10;

  /**
   * @param values descending
   * @param vectors orthonormal rows; of each, the entry largest in size is positive
   */
  record Result(double[] values, double[][] vectors) {}

  private LeadingEigenvectors() {}

  /** @param matrix symmetric, row-major {@code [n * n]} */
  static Result of(double[] matrix, int n, int count) {
    return n <= DIRECT ? direct(matrix, n, count) : iterated(matrix, n, count);
  }

  static Result direct(double[] matrix, int n, int count) {
    double[][] rows = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        rows[i][j] = (matrix[i * n + j] + matrix[j * n + i]) / 2;
      }
    }
    EigenDecomposition eigen = new EigenDecomposition(new Array2DRowRealMatrix(rows, false));
    double[][] vectors = new double[Math.min(n, count)][];
    for (int a = 0; a < vectors.length; a++) {
      vectors[a] = eigen.getEigenvector(a).toArray();
    }
    return result(eigen.getRealEigenvalues(), vectors);
  }

  static Result iterated(double[] matrix, int n, int count) {
    int block = Math.min(n, count + OVERSAMPLING);
    double[][] basis = new double[block][n];
    SplittableRandom random = new SplittableRandom(1);
    for (double[] row : basis) {
      for (int i = 0; i < n; i++) {
        row[i] = random.nextDouble() - .5;
      }
    }
    orthonormalise(basis, random);
    double captured = 0;
    for (int iteration = 0; ; iteration++) {
      double[][] image = multiply(matrix, n, basis);
      double[][] projected = new double[block][block];
      for (int a = 0; a < block; a++) {
        for (int b = a; b < block; b++) {
          projected[a][b] = projected[b][a] = (dot(basis[a], image[b]) + dot(basis[b], image[a])) / 2;
        }
      }
      EigenDecomposition ritz = new EigenDecomposition(new Array2DRowRealMatrix(projected, false));
      double[] values = ritz.getRealEigenvalues();
      double energy = Arrays.stream(values, 0, Math.min(count, block)).sum();
      boolean still = Math.abs(energy - captured) <= TOLERANCE * energy || iteration == MAX_ITERATIONS;
      captured = energy;
      double[][] turned = new double[block][n];
      for (int a = 0; a < block; a++) {
        double[] coefficients = ritz.getEigenvector(a).toArray();
        for (int b = 0; b < block; b++) {
          double[] source = still ? basis[b] : image[b];
          for (int i = 0; i < n; i++) {
            turned[a][i] += coefficients[b] * source[i];
          }
        }
      }
      orthonormalise(turned, random);
      basis = turned;
      if (still) {
        return result(values, Arrays.copyOf(basis, Math.min(count, block)));
      }
    }
  }

  private static Result result(double[] values, double[][] vectors) {
    double[] nonNegative = new double[vectors.length];
    for (int a = 0; a < vectors.length; a++) {
      nonNegative[a] = Math.max(0, values[a]);
      fixSign(vectors[a]);
    }
    return new Result(nonNegative, vectors);
  }

  private static double[][] multiply(double[] matrix, int n, double[][] rows) {
    double[][] image = new double[rows.length][n];
    IntStream.range(0, n)
        .parallel()
        .forEach(
            i -> {
              for (int a = 0; a < rows.length; a++) {
                double sum = 0;
                double[] row = rows[a];
                for (int j = 0, at = i * n; j < n; j++) {
                  sum += matrix[at + j] * row[j];
                }
                image[a][i] = sum;
              }
            });
    return image;
  }

  /** Modified Gram-Schmidt, twice; a row that vanishes is drawn anew. */
  private static void orthonormalise(double[][] rows, SplittableRandom random) {
    for (int a = 0; a < rows.length; a++) {
      double before = Math.sqrt(dot(rows[a], rows[a]));
      for (int attempt = 0; ; attempt++) {
        for (int pass = 0; pass < 2; pass++) {
          for (int b = 0; b < a; b++) {
            double overlap = dot(rows[a], rows[b]);
            for (int i = 0; i < rows[a].length; i++) {
              rows[a][i] -= overlap * rows[b][i];
            }
          }
        }
        double norm = Math.sqrt(dot(rows[a], rows[a]));
        if (norm > 1e-12 * before && norm > 0) {
          for (int i = 0; i < rows[a].length; i++) {
            rows[a][i] /= norm;
          }
          break;
        }
        if (attempt > 20) {
          throw new IllegalStateException("no further orthogonal direction");
        }
        for (int i = 0; i < rows[a].length; i++) {
          rows[a][i] = random.nextDouble() - .5;
        }
        before = Math.sqrt(dot(rows[a], rows[a]));
      }
    }
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static void fixSign(double[] vector) {
    int largest = 0;
    for (int i = 1; i < vector.length; i++) {
      if (Math.abs(vector[i]) > Math.abs(vector[largest])) {
        largest = i;
      }
    }
    if (vector[largest] < 0) {
      for (int i = 0; i < vector.length; i++) {
        vector[i] = -vector[i];
      }
    }
  }
}
