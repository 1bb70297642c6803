package org.refusal.data;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

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
    Map<String, Integer> documents = new HashMap<>();
    List<Map<String, Double>> counts = texts.stream().map(TopicDistances::counts).toList();
    counts.forEach(count -> {
      Set<String> terms = new HashSet<>(count.keySet());
      terms.forEach(term -> documents.merge(term, 1, Integer::sum));
    });
    double[] norms = new double[n];
    for (int i = 0; i < n; i++) {
      Map<String, Double> vector = counts.get(i);
      vector.replaceAll((term, count) -> count * (Math.log((double) n / documents.get(term)) + 1));
      norms[i] = Math.sqrt(vector.values().stream().mapToDouble(value -> value * value).sum());
    }
    double[][] distances = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < i; j++) {
        double product = 0;
        Map<String, Double> other = counts.get(j);
        for (Map.Entry<String, Double> term : counts.get(i).entrySet()) {
          product += term.getValue() * other.getOrDefault(term.getKey(), 0.0);
        }
        double norm = norms[i] * norms[j];
        distances[i][j] = norm == 0 ? 1 : 1 - product / norm;
        distances[j][i] = distances[i][j];
      }
    }
    return distances;
  }

  private static Map<String, Double> counts(String text) {
    Map<String, Double> counts = new java.util.TreeMap<>();
    for (String word : text.toLowerCase(Locale.ROOT).split("[^\\p{L}\\p{N}]+")) {
      if (!word.isEmpty()) {
        counts.merge(word, 1.0, Double::sum);
      }
    }
    return counts;
  }
}
