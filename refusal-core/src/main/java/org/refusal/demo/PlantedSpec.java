package org.refusal.demo;

import java.util.Collections;
import java.util.List;
import org.refusal.base.UserException;
import org.refusal.data.Category;

/**
 * What to plant.
 *
 * @param leak how strongly a category's own harm goes to the template positions beside the refusal evidence, where nothing
 *     reads it; 0 for not at all. The hard case for autoencoders: they fuse the two
 * @param toxicSizes number of toxic prompts of each category, in the order of the categories
 * @param safeSizes number of safe prompts of each category, likewise
 * @param weightNoise standard deviation of noise added to every weight matrix, relative to the matrix's own
 * @param mislabelled share of the toxic file's prompts that are in fact harmless, 0 to 1
 */
public record PlantedSpec(
    PlantedKind kind,
    long seed,
    double leak,
    List<Category> categories,
    List<Integer> toxicSizes,
    List<Integer> safeSizes,
    double weightNoise,
    double mislabelled) {
  private static final int FEWEST_PROMPTS = 2;

  public PlantedSpec {
    categories = List.copyOf(categories);
    if (categories.size() < 2 || categories.size() > PlantedWords.MOST_CATEGORIES) {
      throw UserException.badConfig(
          "a planted model has 2 to %d categories, not %d".formatted(PlantedWords.MOST_CATEGORIES, categories.size()));
    }
    toxicSizes = sizes("toxic", toxicSizes, categories);
    safeSizes = sizes("safe", safeSizes, categories);
    atLeastZero("leak", leak);
    atLeastZero("weight noise", weightNoise);
    if (!(mislabelled >= 0 && mislabelled <= 1)) {
      throw UserException.badConfig("the mislabelled share of a planted model is 0 to 1, not " + mislabelled);
    }
  }

  /** The same number of prompts in every category. */
  public PlantedSpec(
      PlantedKind kind,
      long seed,
      double leak,
      List<Category> categories,
      int toxicPerCategory,
      int safePerCategory,
      double weightNoise,
      double mislabelled) {
    this(
        kind,
        seed,
        leak,
        categories,
        Collections.nCopies(categories.size(), toxicPerCategory),
        Collections.nCopies(categories.size(), safePerCategory),
        weightNoise,
        mislabelled);
  }

  private static List<Integer> sizes(String side, List<Integer> sizes, List<Category> categories) {
    if (sizes.size() != categories.size()) {
      throw UserException.badConfig(
          "a planted model of %d categories needs as many numbers of %s prompts, not %d"
              .formatted(categories.size(), side, sizes.size()));
    }
    for (int i = 0; i < sizes.size(); i++) {
      if (sizes.get(i) < FEWEST_PROMPTS) {
        throw UserException.badConfig(
            "a planted model needs at least %d %s prompts in every category; %s has %d"
                .formatted(FEWEST_PROMPTS, side, categories.get(i).name(), sizes.get(i)));
      }
    }
    return List.copyOf(sizes);
  }

  private static void atLeastZero(String name, double value) {
    if (!(value >= 0 && Double.isFinite(value))) {
      throw UserException.badConfig("the %s of a planted model is 0 or more, not %s".formatted(name, value));
    }
  }

  /** Ten categories, 36 toxic and 36 safe prompts each. */
  public static PlantedSpec of(PlantedKind kind, long seed) {
    return new PlantedSpec(kind, seed, 0, Category.OR_BENCH, 36, 36, 0.01, 0);
  }

  public PlantedSpec withLeak(double value) {
    return new PlantedSpec(kind, seed, value, categories, toxicSizes, safeSizes, weightNoise, mislabelled);
  }

  /** The same numbers in every category. */
  public PlantedSpec withPrompts(int toxic, int safe) {
    return new PlantedSpec(kind, seed, leak, categories, toxic, safe, weightNoise, mislabelled);
  }

  /** Numbers of their own for every category, in the order of the categories. */
  public PlantedSpec withSizes(List<Integer> toxic, List<Integer> safe) {
    return new PlantedSpec(kind, seed, leak, categories, toxic, safe, weightNoise, mislabelled);
  }

  public PlantedSpec withWeightNoise(double deviation) {
    return new PlantedSpec(kind, seed, leak, categories, toxicSizes, safeSizes, deviation, mislabelled);
  }

  public PlantedSpec withMislabelled(double share) {
    return new PlantedSpec(kind, seed, leak, categories, toxicSizes, safeSizes, weightNoise, share);
  }
}
