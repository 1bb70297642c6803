package org.refusal.stats;

import java.util.Arrays;
import java.util.List;
import org.refusal.base.UserException;

/**
 * Inner products of n vectors. Symmetric, float64, 8 n^2 bytes.
 *
 * <p>Everything that this package says about attribution vectors depends on them through this matrix only: computed
 * once, resampled by weights or labels as often as needed.
 */
public final class GramMatrix {
  private final int n;
  private final double[] values; // [n, n]

  private GramMatrix(int n, double[] values) {
    this.n = n;
    this.values = values;
  }

  /** Vectors at most: an array holds no more than their inner products. */
  public static final int MOST_VECTORS = 46_340;

  private static double[] square(int n) {
    requireSize(n);
    return new double[n * n];
  }

  /** Refuses what no array can hold, before anything is computed. */
  public static void requireSize(int n) {
    if (n > MOST_VECTORS) {
      throw UserException.badData(
          "%d prompts: a matrix of their inner products holds at most %d".formatted(n, MOST_VECTORS),
          "lower discovery.max_prompts_per_category and run discover again");
    }
  }

  /** Of dense rows {@code [n, d]}. O(n^2 d). */
  public static GramMatrix ofDense(double[][] rows, int threads) {
    requireSameWidth(rows);
    int n = rows.length;
    double[] values = square(n);
    Parallel.forEach(
        n,
        threads,
        i -> {
          double[] row = rows[i];
          for (int j = 0; j <= i; j++) {
            double[] other = rows[j];
            double sum = 0;
            for (int column = 0; column < row.length; column++) {
              sum += row[column] * other[column];
            }
            values[i * n + j] = sum;
          }
        });
    return new GramMatrix(n, mirrored(n, values));
  }

  /** Of dense float32 rows, summed in float64. */
  public static GramMatrix ofDense(float[][] rows, int threads) {
    double[][] wide = new double[rows.length][];
    for (int i = 0; i < rows.length; i++) {
      wide[i] = new double[rows[i].length];
      for (int column = 0; column < rows[i].length; column++) {
        wide[i][column] = rows[i][column];
      }
    }
    return ofDense(wide, threads);
  }

  /** Of sparse rows: O(n * entries + n * width) time, one dense row per thread beside the result. */
  public static GramMatrix ofSparse(SparseRows rows, int threads) {
    int n = rows.rows();
    double[] values = square(n);
    ThreadLocal<double[]> buffers = ThreadLocal.withInitial(() -> new double[rows.width()]);
    int[] starts = rows.starts();
    int[] columns = rows.columns();
    float[] entries = rows.values();
    Parallel.forEach(
        n,
        threads,
        i -> {
          double[] dense = buffers.get();
          for (int entry = starts[i]; entry < starts[i + 1]; entry++) {
            dense[columns[entry]] += entries[entry];
          }
          for (int j = 0; j <= i; j++) {
            double sum = 0;
            for (int entry = starts[j]; entry < starts[j + 1]; entry++) {
              sum += dense[columns[entry]] * entries[entry];
            }
            values[i * n + j] = sum;
          }
          for (int entry = starts[i]; entry < starts[i + 1]; entry++) {
            dense[columns[entry]] = 0;
          }
        });
    return new GramMatrix(n, mirrored(n, values));
  }

  /** From inner products already computed, {@code [n, n]}, symmetric. */
  public static GramMatrix of(double[][] products) {
    int n = products.length;
    double[] values = square(n);
    for (int i = 0; i < n; i++) {
      if (products[i].length != n) {
        throw new IllegalArgumentException("row " + i + " has " + products[i].length + " columns, not " + n);
      }
      for (int j = 0; j < n; j++) {
        double difference = Math.abs(products[i][j] - products[j][i]);
        if (difference > 1e-9 * (1 + Math.abs(products[i][j]))) {
          throw new IllegalArgumentException("not symmetric at " + i + ", " + j);
        }
        values[i * n + j] = products[i][j];
      }
    }
    return new GramMatrix(n, values);
  }

  private static double[] mirrored(int n, double[] values) {
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < i; j++) {
        values[j * n + i] = values[i * n + j];
      }
    }
    return values;
  }

  private static void requireSameWidth(double[][] rows) {
    for (int i = 1; i < rows.length; i++) {
      if (rows[i].length != rows[0].length) {
        throw new IllegalArgumentException(
            "row " + i + " has " + rows[i].length + " columns, row 0 has " + rows[0].length);
      }
    }
  }

  public int size() {
    return n;
  }

  public double at(int i, int j) {
    return values[i * n + j];
  }

  /** The row-major values, shared and not to be written. */
  double[] array() {
    return values;
  }

  /** A copy by rows, {@code [n, n]}. */
  double[][] rows() {
    double[][] rows = new double[n][];
    for (int i = 0; i < n; i++) {
      rows[i] = Arrays.copyOfRange(values, i * n, (i + 1) * n);
    }
    return rows;
  }

  /** Whether every inner product is a finite number. */
  public boolean isFinite() {
    return Summary.allFinite(values);
  }

  /** Mean norm of the vectors; the scale for pooling layers. */
  public double meanNorm() {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += Math.sqrt(Math.max(0, at(i, i)));
    }
    return sum / n;
  }

  /**
   * Gram matrix of the concatenated vectors, each part scaled to unit mean norm first. Parts whose vectors are all zero
   * add nothing.
   */
  public static GramMatrix pooled(List<GramMatrix> parts) {
    int n = parts.get(0).n;
    double[] sum = square(n);
    for (GramMatrix part : parts) {
      if (part.n != n) {
        throw new IllegalArgumentException("parts of " + n + " and " + part.n + " vectors cannot be pooled");
      }
      double norm = part.meanNorm();
      if (norm > 0) {
        double scale = 1 / (norm * norm);
        for (int k = 0; k < sum.length; k++) {
          sum[k] += scale * part.values[k];
        }
      }
    }
    return new GramMatrix(n, sum);
  }

  /** Gram matrix of the unit vectors, that is cosines. A zero vector has cosine 0 with all, itself included. */
  public GramMatrix cosines() {
    double[] inverse = new double[n];
    for (int i = 0; i < n; i++) {
      double square = at(i, i);
      inverse[i] = square > 0 ? 1 / Math.sqrt(square) : square == 0 ? 0 : Double.NaN;
    }
    double[] cosines = square(n);
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        cosines[i * n + j] = i == j && inverse[i] > 0 ? 1 : values[i * n + j] * inverse[i] * inverse[j];
      }
    }
    return new GramMatrix(n, cosines);
  }

  /** d = sqrt(2 (1 - cos)), {@code [n, n]}: the distance of unit vectors; 0 on the diagonal. */
  public double[][] cosineDistances() {
    GramMatrix cosines = cosines();
    double[][] distances = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        distances[i][j] = i == j ? 0 : Math.sqrt(Math.max(0, 2 * (1 - cosines.at(i, j))));
      }
    }
    return distances;
  }

  /** The inner products among the chosen vectors, in that order. */
  public GramMatrix select(int[] chosen) {
    int m = chosen.length;
    double[] selected = square(m);
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < m; j++) {
        selected[i * m + j] = values[chosen[i] * n + chosen[j]];
      }
    }
    return new GramMatrix(m, selected);
  }
}
