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
 * @param share of a graded model, the others have no use for it: the shared part that is aimed at, between 0 and 1. How much
 *     of what takes a category's own refusal away other categories' directions take; {@code truth.json} has it as it came out
 */
public record PlantedSpec(
    PlantedKind kind,
    long seed,
    double leak,
    List<Category> categories,
    List<Integer> toxicSizes,
    List<Integer> safeSizes,
    double weightNoise,
    double mislabelled,
    double share) {
  private static final int FEWEST_PROMPTS = 2;
  /** Share of a graded model unless it is said: between one cause and several. */
  public static final double USUAL_SHARE = 0.6;

  /** Where one cause ends and several begin, as the verdict has it (docs/statistics.md). */
  public static final double ONE = 0.8;

  public static final double SEVERAL = 0.5;

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
    if (!(share > 0 && share < 1)) {
      throw UserException.badConfig("the share of a graded planted model lies between 0 and 1; it is " + share);
    }
  }

  /** The same number of prompts in every category, and the usual share. */
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
        mislabelled,
        USUAL_SHARE);
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
    return new PlantedSpec(kind, seed, value, categories, toxicSizes, safeSizes, weightNoise, mislabelled, share);
  }

  /** The same numbers in every category. */
  public PlantedSpec withPrompts(int toxic, int safe) {
    return withSizes(Collections.nCopies(categories.size(), toxic), Collections.nCopies(categories.size(), safe));
  }

  /** Numbers of their own for every category, in the order of the categories. */
  public PlantedSpec withSizes(List<Integer> toxic, List<Integer> safe) {
    return new PlantedSpec(kind, seed, leak, categories, toxic, safe, weightNoise, mislabelled, share);
  }

  public PlantedSpec withWeightNoise(double deviation) {
    return new PlantedSpec(kind, seed, leak, categories, toxicSizes, safeSizes, deviation, mislabelled, share);
  }

  public PlantedSpec withMislabelled(double value) {
    return new PlantedSpec(kind, seed, leak, categories, toxicSizes, safeSizes, weightNoise, value, share);
  }

  public PlantedSpec withShare(double value) {
    return new PlantedSpec(kind, seed, leak, categories, toxicSizes, safeSizes, weightNoise, mislabelled, value);
  }

  /** The answer that is right: the kind's; a graded model is MODULAR below a share of .5 and MONOLITHIC above .8. */
  public String verdict() {
    return truth().verdict();
  }

  /** The kind whose answer is right. */
  private PlantedKind truth() {
    if (kind != PlantedKind.GRADED) {
      return kind;
    }
    return share < SEVERAL ? PlantedKind.MODULAR : share > ONE ? PlantedKind.MONOLITHIC : PlantedKind.GRADED;
  }

  /** The categories that have one cause, as the right answer lists them; none where there is no such list. */
  List<List<Integer>> trueClusters() {
    return switch (truth()) {
      case NONE, GRADED -> List.of();
      default -> truth().clusters(categories.size());
    };
  }
}
