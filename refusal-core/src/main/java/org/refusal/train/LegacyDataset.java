package org.refusal.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Which samples the original project trained on, in which order. Balancing takes the first min(safe, toxic) samples of
 * each label over all categories together, safe ones first, so that later categories may drop out.
 */
final class LegacyDataset {
  private LegacyDataset() {}

  /** @param weight of the category in weighted sampling; 1 where no weight is given */
  record Sample(String category, int index, boolean toxic, double weight) {}

  /** @param labels category to labels of its samples (true = toxic), categories in order */
  static List<Sample> of(Map<String, List<Boolean>> labels, Map<String, Double> weights, boolean balance) {
    List<Sample> all = new ArrayList<>();
    labels.forEach(
        (category, toxic) -> {
          for (int i = 0; i < toxic.size(); i++) {
            all.add(new Sample(category, i, toxic.get(i), weights.getOrDefault(category, 1.0)));
          }
        });
    if (!balance) {
      return all;
    }
    List<Sample> safe = all.stream().filter(sample -> !sample.toxic()).toList();
    List<Sample> toxic = all.stream().filter(Sample::toxic).toList();
    int size = Math.min(safe.size(), toxic.size());
    List<Sample> balanced = new ArrayList<>(safe.subList(0, size));
    balanced.addAll(toxic.subList(0, size));
    return balanced;
  }
}
