package org.refusal.compare;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How different two prompts are in topic: 1 - cosine of their TF-IDF vectors over words. A confound to rule out: circuits
 * may differ only because the words do.
 */
public final class TopicDistance {
  private static final Pattern WORD = Pattern.compile("[\\p{L}\\p{N}]+(?:['\u2019][\\p{L}]+)?");

  private TopicDistance() {}

  /**
   * Words are runs of letters and digits, lower-cased; weight = count * (ln((1 + n) / (1 + df)) + 1), vectors of unit
   * norm. A text without words is at distance 1 from all others. O(n^2 words).
   *
   * @return {@code [n][n]}, 0 on the diagonal
   */
  public static double[][] of(List<String> texts) {
    int n = texts.size();
    List<Map<String, Integer>> counts = new ArrayList<>();
    Map<String, Integer> documents = new HashMap<>();
    for (String text : texts) {
      Map<String, Integer> words = new TreeMap<>();
      Matcher matcher = WORD.matcher(text.toLowerCase(Locale.ROOT));
      while (matcher.find()) {
        words.merge(matcher.group(), 1, Integer::sum);
      }
      words.keySet().forEach(word -> documents.merge(word, 1, Integer::sum));
      counts.add(words);
    }
    List<Map<String, Double>> vectors = new ArrayList<>();
    for (Map<String, Integer> words : counts) {
      Map<String, Double> vector = new TreeMap<>();
      double square = 0;
      for (Map.Entry<String, Integer> word : words.entrySet()) {
        double weight = word.getValue() * (Math.log((1.0 + n) / (1 + documents.get(word.getKey()))) + 1);
        vector.put(word.getKey(), weight);
        square += weight * weight;
      }
      double norm = Math.sqrt(square);
      vector.replaceAll((word, weight) -> weight / norm);
      vectors.add(vector);
    }
    double[][] distances = new double[n][n];
    for (int i = 0; i < n; i++) {
      Map<String, Double> lookup = new HashMap<>(vectors.get(i));
      for (int j = 0; j < i; j++) {
        double cosine = 0;
        for (Map.Entry<String, Double> word : vectors.get(j).entrySet()) {
          cosine += word.getValue() * lookup.getOrDefault(word.getKey(), 0.0);
        }
        distances[i][j] = Math.max(0, 1 - cosine);
        distances[j][i] = distances[i][j];
      }
    }
    return distances;
  }
}
