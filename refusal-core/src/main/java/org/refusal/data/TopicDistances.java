package org.refusal.data;

import java.util.List;
import java.util.Map;

/**
 * How unlike two prompts are in their words: 1 - cosine of their TF-IDF vectors (term count times log(n / documents with
 * the term) + 1, words in lower case, letters and digits only). The confound of docs/statistics.md: circuits of categories could
 * differ only because their prompts are about different things.
 */
public final class TopicDistances {
  private TopicDistances() {}

  /** @return {@code [n][n]}, symmetric, zero diagonal; O(n^2 words) */
  public static double[][] of(List<String> texts) {
    int n = texts.size();
    List<Map<String, Double>> vectors = TfIdf.vectors(texts);
    double[] norms = vectors.stream().mapToDouble(TfIdf::norm).toArray();
    double[][] distances = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < i; j++) {
        double norm = norms[i] * norms[j];
        distances[i][j] = norm == 0 ? 1 : 1 - TfIdf.product(vectors.get(i), vectors.get(j)) / norm;
        distances[j][i] = distances[i][j];
      }
    }
    return distances;
  }
}
