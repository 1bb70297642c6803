package org.refusal.data;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.commons.math3.distribution.BinomialDistribution;

/**
 * Whether the safe prompts of a category are about the same things as its toxic ones: how many of them are nearer, by words,
 * to the mean of their own category's toxic prompts than to that of any other category (docs/definitions.md). Vectors are
 * TF-IDF of unit length; nearness is the cosine with a mean from which prompts of the same text are left out, so that no
 * prompt is compared with itself.
 *
 * @param safe safe prompts of the category
 * @param own those of them that are nearest to its own toxic prompts; a tie is not nearest
 * @param toxic toxic prompts of the category
 * @param toxicOwn those of them that are nearest to the others of their category: what a safe prompt could reach
 * @param chance 1 / categories
 * @param pValue one-sided binomial: probability of at least {@code own} of {@code safe} by chance
 */
@JsonNaming(SnakeCaseStrategy.class)
public record TopicMembership(int safe, int own, int toxic, int toxicOwn, double chance, double pValue) {
  /** Below it, prompts belong to their category. */
  public static final double LEVEL = .05;

  /** Cosines that differ by less are equal: leaving a text out of a sum leaves a rounding error behind. */
  private static final double ROUNDING = 1e-9;

  public boolean belongs() {
    return pValue < LEVEL;
  }

  /** The sum of a category's toxic vectors, and how often each text stands among them. */
  private record Sum(int prompts, Map<String, Double> terms, double square, Map<String, Integer> texts) {
    /** Cosine of a vector of unit length with the sum of the vectors of other texts; NaN without such. */
    double cosine(Map<String, Double> vector, String text) {
      int same = texts.getOrDefault(text, 0);
      if (prompts == same) {
        return Double.NaN;
      }
      double product = TfIdf.product(vector, terms);
      return (product - same) / Math.sqrt(square - 2 * same * product + (double) same * same);
    }
  }

  /**
   * O(words times categories).
   *
   * @param toxic texts by category
   * @param safe texts by category, of the same categories
   * @return by category, in the order of {@code toxic}
   */
  public static Map<String, TopicMembership> of(Map<String, List<String>> toxic, Map<String, List<String>> safe) {
    List<String> texts = new ArrayList<>();
    toxic.values().forEach(list -> list.forEach(text -> texts.add(EqualTexts.key(text))));
    safe.values().forEach(list -> list.forEach(text -> texts.add(EqualTexts.key(text))));
    Map<String, Map<String, Double>> vectors = unitVectors(texts);
    Map<String, Sum> sums = new LinkedHashMap<>();
    toxic.forEach((category, list) -> sums.put(category, sum(list, vectors)));
    Map<String, TopicMembership> memberships = new LinkedHashMap<>();
    double chance = 1.0 / toxic.size();
    toxic.forEach(
        (category, list) -> {
          List<String> ofSafe = safe.getOrDefault(category, List.of());
          int own = own(category, ofSafe, sums, vectors);
          double p =
              own == 0
                  ? 1
                  : 1 - new BinomialDistribution(null, ofSafe.size(), chance).cumulativeProbability(own - 1);
          memberships.put(
              category,
              new TopicMembership(ofSafe.size(), own, list.size(), own(category, list, sums, vectors), chance, p));
        });
    return memberships;
  }

  private static Map<String, Map<String, Double>> unitVectors(List<String> texts) {
    Map<String, Map<String, Double>> unit = new LinkedHashMap<>();
    List<Map<String, Double>> vectors = TfIdf.vectors(texts);
    for (int i = 0; i < vectors.size(); i++) {
      Map<String, Double> vector = vectors.get(i);
      double norm = TfIdf.norm(vector);
      vector.replaceAll((term, value) -> value / norm);
      unit.put(texts.get(i), vector);
    }
    return unit;
  }

  private static Sum sum(List<String> texts, Map<String, Map<String, Double>> vectors) {
    Map<String, Double> terms = new TreeMap<>();
    Map<String, Integer> counts = new LinkedHashMap<>();
    for (String text : texts) {
      String key = EqualTexts.key(text);
      counts.merge(key, 1, Integer::sum);
      vectors.get(key).forEach((term, value) -> terms.merge(term, value, Double::sum));
    }
    return new Sum(texts.size(), terms, TfIdf.product(terms, terms), counts);
  }

  private static int own(
      String category, List<String> texts, Map<String, Sum> sums, Map<String, Map<String, Double>> vectors) {
    int own = 0;
    for (String text : texts) {
      String key = EqualTexts.key(text);
      Map<String, Double> vector = vectors.get(key);
      double cosine = sums.get(category).cosine(vector, key);
      boolean nearest = cosine > ROUNDING;
      for (Map.Entry<String, Sum> other : sums.entrySet()) {
        if (!other.getKey().equals(category)) {
          nearest &= !(other.getValue().cosine(vector, key) >= cosine - ROUNDING);
        }
      }
      own += nearest ? 1 : 0;
    }
    return own;
  }
}
