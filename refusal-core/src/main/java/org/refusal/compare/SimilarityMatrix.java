package org.refusal.compare;

import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleBiFunction;
import org.refusal.stats.AverageLinkage;

/**
 * Similarities between the categories of two sides: toxic-toxic, safe-safe (symmetric) or safe-toxic (cross).
 *
 * @param values {@code [rows][columns]}; NaN where undefined
 * @param symmetric whether rows and columns are the same circuits
 */
public record SimilarityMatrix(List<String> rows, List<String> columns, double[][] values, boolean symmetric) {
  public SimilarityMatrix {
    rows = List.copyOf(rows);
    columns = List.copyOf(columns);
    if (values.length != rows.size() || symmetric && !rows.equals(columns)) {
      throw new IllegalArgumentException("names do not fit the values");
    }
  }

  /** Each unordered pair is computed once. */
  public static SimilarityMatrix symmetric(List<String> names, ToDoubleBiFunction<String, String> similarity) {
    int n = names.size();
    double[][] values = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = i; j < n; j++) {
        values[i][j] = similarity.applyAsDouble(names.get(i), names.get(j));
        values[j][i] = values[i][j];
      }
    }
    return new SimilarityMatrix(names, names, values, true);
  }

  public static SimilarityMatrix cross(
      List<String> rows, List<String> columns, ToDoubleBiFunction<String, String> similarity) {
    double[][] values = new double[rows.size()][columns.size()];
    for (int i = 0; i < rows.size(); i++) {
      for (int j = 0; j < columns.size(); j++) {
        values[i][j] = similarity.applyAsDouble(rows.get(i), columns.get(j));
      }
    }
    return new SimilarityMatrix(rows, columns, values, false);
  }

  /** Mean over all pairs of different categories; NaN without any, or where one is undefined. */
  public double meanBetweenCategories() {
    double sum = 0;
    int count = 0;
    for (int i = 0; i < rows.size(); i++) {
      for (int j = 0; j < columns.size(); j++) {
        if (!rows.get(i).equals(columns.get(j))) {
          sum += values[i][j];
          count++;
        }
      }
    }
    return count == 0 ? Double.NaN : sum / count;
  }

  /** Mean over equal categories: of a cross matrix, how alike the two sides of one category are. */
  public double meanOfSameCategory() {
    double sum = 0;
    int count = 0;
    for (int i = 0; i < rows.size(); i++) {
      int j = columns.indexOf(rows.get(i));
      if (j >= 0) {
        sum += values[i][j];
        count++;
      }
    }
    return count == 0 ? Double.NaN : sum / count;
  }

  /** Average-linkage tree of a symmetric matrix. */
  public AverageLinkage tree() {
    if (!symmetric) {
      throw new IllegalStateException("a cross matrix has no tree");
    }
    return AverageLinkage.of(values);
  }

  /** Rows and columns in the order of the dendrogram's leaves. */
  public SimilarityMatrix clustered() {
    int[] order = tree().order();
    List<String> names = Arrays.stream(order).mapToObj(rows::get).toList();
    double[][] sorted = new double[order.length][order.length];
    for (int i = 0; i < order.length; i++) {
      for (int j = 0; j < order.length; j++) {
        sorted[i][j] = values[order[i]][order[j]];
      }
    }
    return new SimilarityMatrix(names, names, sorted, true);
  }
}
