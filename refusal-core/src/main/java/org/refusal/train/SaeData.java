package org.refusal.train;

import java.util.List;
import java.util.Map;
import org.refusal.activation.StoredPrompt;

/**
 * Which prompts an autoencoder learns from.
 *
 * @param heldOut prompts on which it is measured only
 * @param categoryWeights weight of every category in the sampling; read only with {@link SaeOptions#useCategoryWeights}
 */
public record SaeData(
    List<TrainingPrompt> train, List<TrainingPrompt> heldOut, Map<String, Double> categoryWeights) {
  public SaeData {
    train = List.copyOf(train);
    heldOut = List.copyOf(heldOut);
    categoryWeights = Map.copyOf(categoryWeights);
  }

  static List<StoredPrompt> stored(List<TrainingPrompt> prompts) {
    return prompts.stream().map(TrainingPrompt::stored).toList();
  }
}
