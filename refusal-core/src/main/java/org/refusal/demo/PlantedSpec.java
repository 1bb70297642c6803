package org.refusal.demo;

import java.util.List;
import org.refusal.base.UserException;
import org.refusal.data.Category;

/**
 * What to plant.
 *
 * @param leak how strongly a category's own harm goes to the template positions beside the refusal evidence, where nothing
 *     reads it; 0 for not at all. The hard case for autoencoders: they fuse the two
 * @param toxicPerCategory number of toxic prompts of each category
 * @param safePerCategory number of safe prompts of each category
 * @param weightNoise standard deviation of noise added to every weight matrix, relative to the matrix's own
 * @param mislabelled share of the toxic file's prompts that are in fact harmless
 */
public record PlantedSpec(
    PlantedKind kind,
    long seed,
    double leak,
    List<Category> categories,
    int toxicPerCategory,
    int safePerCategory,
    double weightNoise,
    double mislabelled) {

  public PlantedSpec {
    categories = List.copyOf(categories);
    if (categories.size() < 2 || categories.size() > PlantedWords.MOST_CATEGORIES) {
      throw UserException.badConfig(
          "a planted model has 2 to %d categories, not %d".formatted(PlantedWords.MOST_CATEGORIES, categories.size()));
    }
    if (toxicPerCategory < 2 || safePerCategory < 2) {
      throw UserException.badConfig("a planted model needs at least 2 prompts of either side in every category");
    }
  }

  /** Ten categories, 36 toxic and 36 safe prompts each. */
  public static PlantedSpec of(PlantedKind kind, long seed) {
    return new PlantedSpec(kind, seed, 0, Category.OR_BENCH, 36, 36, 0.01, 0);
  }

  public PlantedSpec withLeak(double value) {
    return new PlantedSpec(
        kind, seed, value, categories, toxicPerCategory, safePerCategory, weightNoise, mislabelled);
  }

  public PlantedSpec withPrompts(int toxic, int safe) {
    return new PlantedSpec(kind, seed, leak, categories, toxic, safe, weightNoise, mislabelled);
  }

  public PlantedSpec withMislabelled(double share) {
    return new PlantedSpec(kind, seed, leak, categories, toxicPerCategory, safePerCategory, weightNoise, share);
  }
}
