package org.refusal.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.stats.Correlation;
import org.refusal.stats.Overlap;

/**
 * The earlier project's similarity: .4 Jaccard of the top 100 nodes + .3 Jaccard of the top 100 edges + .3 |Pearson
 * correlation of the importances of the nodes common to both tops|. It does not separate monolithic from modular planted
 * models: show it, do not conclude from it.
 */
public final class LegacySimilarity {
  private static final int TOP = 100;

  private LegacySimilarity() {}

  /** The formula; what is undefined (no edges, fewer than two common nodes, constant importances) counts as 0. */
  public static double of(LegacyCircuit a, LegacyCircuit b) {
    Map<String, Double> nodesA = a.topNodes(TOP);
    Map<String, Double> nodesB = b.topNodes(TOP);
    List<Double> commonA = new ArrayList<>();
    List<Double> commonB = new ArrayList<>();
    nodesA.forEach((name, importance) -> {
      if (nodesB.containsKey(name)) {
        commonA.add(importance);
        commonB.add(nodesB.get(name));
      }
    });
    double correlation = Correlation.pearson(array(commonA), array(commonB));
    Set<String> edgesA = a.topEdges(TOP);
    Set<String> edgesB = b.topEdges(TOP);
    return 0.4 * zeroIfUndefined(Overlap.jaccard(nodesA.keySet(), nodesB.keySet()))
        + 0.3 * zeroIfUndefined(Overlap.jaccard(edgesA, edgesB))
        + 0.3 * Math.abs(zeroIfUndefined(correlation));
  }

  private static double[] array(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static double zeroIfUndefined(double value) {
    return Double.isNaN(value) ? 0 : value;
  }

  /** Every pair of one set; a circuit with itself is 1 by decree, whatever the formula gives. */
  public static SimilarityMatrix matrix(Map<String, LegacyCircuit> circuits) {
    return SimilarityMatrix.symmetric(
        List.copyOf(circuits.keySet()), (i, j) -> i.equals(j) ? 1 : of(circuits.get(i), circuits.get(j)));
  }

  /** Every circuit of one set with every one of another, equal names included. */
  public static SimilarityMatrix cross(Map<String, LegacyCircuit> rows, Map<String, LegacyCircuit> columns) {
    return SimilarityMatrix.cross(
        List.copyOf(rows.keySet()), List.copyOf(columns.keySet()), (i, j) -> of(rows.get(i), columns.get(j)));
  }

  /**
   * The earlier project's average: over the off-diagonal of a symmetric matrix, or all of a cross matrix, without every
   * value that is not below 1 (equal circuits drop out). NaN when nothing is left.
   */
  public static double average(SimilarityMatrix matrix) {
    double sum = 0;
    int count = 0;
    for (int i = 0; i < matrix.rows().size(); i++) {
      for (int j = 0; j < matrix.columns().size(); j++) {
        if (matrix.values()[i][j] < 1 && !(matrix.symmetric() && i == j)) {
          sum += matrix.values()[i][j];
          count++;
        }
      }
    }
    return count == 0 ? Double.NaN : sum / count;
  }
}
