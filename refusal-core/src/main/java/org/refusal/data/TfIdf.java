package org.refusal.data;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Texts as vectors of words: term count times log(n / documents with the term) + 1; words in lower case, letters and digits only. */
final class TfIdf {
  private TfIdf() {}

  /** @return a vector for every text, by word in alphabetical order; empty for a text without words. O(words) */
  static List<Map<String, Double>> vectors(List<String> texts) {
    List<Map<String, Double>> vectors = texts.stream().map(TfIdf::counts).toList();
    Map<String, Integer> documents = new HashMap<>();
    vectors.forEach(counts -> counts.keySet().forEach(term -> documents.merge(term, 1, Integer::sum)));
    vectors.forEach(
        vector ->
            vector.replaceAll((term, count) -> count * (Math.log((double) texts.size() / documents.get(term)) + 1)));
    return vectors;
  }

  static double norm(Map<String, Double> vector) {
    return Math.sqrt(vector.values().stream().mapToDouble(value -> value * value).sum());
  }

  static double product(Map<String, Double> a, Map<String, Double> b) {
    double product = 0;
    for (Map.Entry<String, Double> term : a.entrySet()) {
      product += term.getValue() * b.getOrDefault(term.getKey(), 0.0);
    }
    return product;
  }

  private static Map<String, Double> counts(String text) {
    Map<String, Double> counts = new TreeMap<>();
    for (String word : text.toLowerCase(Locale.ROOT).split("[^\\p{L}\\p{N}]+")) {
      if (!word.isEmpty()) {
        counts.merge(word, 1.0, Double::sum);
      }
    }
    return counts;
  }
}
