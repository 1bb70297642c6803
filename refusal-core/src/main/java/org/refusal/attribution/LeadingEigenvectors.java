package org.refusal.attribution;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import org.refusal.torch.Devices;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * The largest eigenvalues of a positive semi-definite matrix and their vectors, by LAPACK's full decomposition in float64:
 * O(n³), about 20 n² bytes beside the matrix.
 */
final class LeadingEigenvectors {
  /**
   * @param values descending
   * @param vectors orthonormal rows; of each, the entry largest in size is positive
   */
  record Result(double[] values, double[][] vectors) {}

  private LeadingEigenvectors() {}

  /** @param matrix symmetric, row-major {@code [n * n]} */
  static Result of(double[] matrix, int n, int count) {
    int kept = Math.min(n, count);
    double[] values;
    double[] columns;
    try (Memory.Scope scope = Memory.scope()) {
      NDArray given = Devices.manager(Device.cpu()).create(matrix, new Shape(n, n));
      NDArray symmetric = given.add(given.transpose()).div(2);
      TorchOps.Eigen eigen = TorchOps.eigh(symmetric); // values ascending [n], vectors in columns [n, n]
      values = eigen.values().toDoubleArray();
      columns = eigen.vectors().toDoubleArray();
    }
    double[] largest = new double[kept];
    double[][] vectors = new double[kept][n];
    for (int a = 0; a < kept; a++) {
      int column = n - 1 - a;
      largest[a] = Math.max(0, values[column]);
      for (int i = 0; i < n; i++) {
        vectors[a][i] = columns[i * n + column];
      }
      orient(vectors[a]);
    }
    return new Result(largest, vectors);
  }

  /** Of the two unit vectors of an eigenspace, the one whose entry largest in size is positive. */
  private static void orient(double[] vector) {
    double largest = 0;
    for (double entry : vector) {
      if (Math.abs(entry) > Math.abs(largest)) {
        largest = entry;
      }
    }
    if (largest < 0) {
      Arrays.setAll(vector, i -> -vector[i]);
    }
  }
}
