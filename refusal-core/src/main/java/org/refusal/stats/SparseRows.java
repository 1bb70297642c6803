package org.refusal.stats;

import java.util.List;

/**
 * Rows of a sparse matrix in CSR form.
 *
 * @param width number of columns
 * @param starts {@code [rows + 1]}, row r is entries {@code starts[r] .. starts[r + 1] - 1}
 * @param columns column of each entry, distinct within a row
 * @param values value of each entry
 */
public record SparseRows(int width, int[] starts, int[] columns, float[] values) {
  public SparseRows {
    if (starts.length == 0 || starts[0] != 0 || starts[starts.length - 1] != columns.length
        || columns.length != values.length) {
      throw new IllegalArgumentException(
          "starts must run from 0 to the number of entries: %d columns, %d values"
              .formatted(columns.length, values.length));
    }
    for (int row = 0; row + 1 < starts.length; row++) {
      if (starts[row + 1] < starts[row]) {
        throw new IllegalArgumentException("row " + row + " ends before it begins");
      }
    }
    for (int column : columns) {
      if (column < 0 || column >= width) {
        throw new IllegalArgumentException("column " + column + " is outside 0.." + (width - 1));
      }
    }
  }

  /** One after the other. */
  public static SparseRows stacked(List<SparseRows> parts) {
    int[] starts = new int[parts.stream().mapToInt(SparseRows::rows).sum() + 1];
    int entries = parts.stream().mapToInt(part -> part.columns().length).sum();
    int[] columns = new int[entries];
    float[] values = new float[entries];
    int row = 0;
    int at = 0;
    for (SparseRows part : parts) {
      System.arraycopy(part.columns(), 0, columns, at, part.columns().length);
      System.arraycopy(part.values(), 0, values, at, part.columns().length);
      for (int i = 1; i <= part.rows(); i++) {
        starts[++row] = at + part.starts()[i];
      }
      at += part.columns().length;
    }
    return new SparseRows(parts.get(0).width(), starts, columns, values);
  }

  public int rows() {
    return starts.length - 1;
  }

  /** Mean of the chosen rows as a dense vector, float64. */
  public double[] mean(int[] rows) {
    double[] mean = new double[width];
    for (int row : rows) {
      for (int entry = starts[row]; entry < starts[row + 1]; entry++) {
        mean[columns[entry]] += values[entry];
      }
    }
    for (int column = 0; column < width; column++) {
      mean[column] /= rows.length;
    }
    return mean;
  }
}
