package org.refusal.data;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;

/**
 * As many safe as toxic prompts in every category, and all of both where safe ones are fewer (docs/definitions.md): no toxic
 * prompt is thrown away for balance. The draw of a category depends on the seed and on the texts of that category's
 * prompts only, not on its name or on the order of the files, so that it is the same on every machine and whatever other
 * categories are asked for (but for the number, under {@link Strategy#EQUALIZE}).
 */
public final class Balancer {
  private Balancer() {}

  /** How many toxic prompts a category gives; of the safe ones it gives as many, or all. */
  public enum Strategy {
    /** All. */
    USE_ALL,
    /** The smallest toxic count of all categories. */
    EQUALIZE;

    /** @param text {@code use_all} or {@code equalize} */
    public static Strategy of(String text) {
      return switch (text) {
        case "use_all" -> USE_ALL;
        case "equalize" -> EQUALIZE;
        default -> throw UserException.badConfig(
            "category balance strategy must be use_all or equalize, not " + text);
      };
    }
  }

  /**
   * @param includeHard add the hard prompts to the safe pool
   * @param maxPerCategory at most so many toxic and so many safe prompts; 0 means no limit
   * @param shuffle draw at random when a pool is cut; else take its first prompts in file order
   */
  public record Options(Strategy strategy, boolean includeHard, int maxPerCategory, boolean shuffle, long seed) {
    public Options {
      if (maxPerCategory < 0) {
        throw UserException.badConfig("max prompts per category must be 0 (all) or more, not " + maxPerCategory);
      }
    }
  }

  /** Prompts of a category. */
  public record Sides(int toxic, int safe) {
    /** {@code 65 per side}, or {@code 46 toxic, 40 safe}. */
    public String text() {
      return toxic == safe ? toxic + " per side" : "%d toxic, %d safe".formatted(toxic, safe);
    }
  }

  /**
   * @param prompts by category in the order given; within a category toxic prompts before safe ones, each in file order
   * @param sides how many prompts of either side, per category
   * @param warnings what the user should know, one line each
   */
  public record Balanced(List<Prompt> prompts, Map<Category, Sides> sides, List<String> warnings) {
    /** The same with more that the user should know, said first. */
    public Balanced warning(List<String> more) {
      List<String> all = new ArrayList<>(more);
      all.addAll(warnings);
      return new Balanced(prompts, sides, List.copyOf(all));
    }

    public List<Prompt> of(Category category) {
      return prompts.stream().filter(prompt -> prompt.category().equals(category)).toList();
    }
  }

  /**
   * O(n) in the number of prompts.
   *
   * @throws UserException a category has no toxic or no safe prompt
   */
  public static Balanced balance(List<Prompt> prompts, List<Category> categories, Options options) {
    Map<Category, List<Prompt>> toxic = new LinkedHashMap<>();
    Map<Category, List<Prompt>> safe = new LinkedHashMap<>();
    for (Category category : categories) {
      toxic.put(category, new ArrayList<>());
      safe.put(category, new ArrayList<>());
    }
    for (Prompt prompt : prompts) {
      Map<Category, List<Prompt>> side = prompt.label().toxic() ? toxic : safe;
      if (side.containsKey(prompt.category()) && (options.includeHard || prompt.label() != Label.HARD)) {
        side.get(prompt.category()).add(prompt);
      }
    }
    for (Category category : categories) {
      requireSome(category, toxic.get(category).size(), "toxic");
      requireSome(category, safe.get(category).size(), "safe");
    }
    int smallest = toxic.values().stream().mapToInt(List::size).min().orElse(0);
    List<Prompt> chosen = new ArrayList<>();
    Map<Category, Sides> sides = new LinkedHashMap<>();
    List<String> warnings = new ArrayList<>();
    for (Category category : categories) {
      List<Prompt> toxicPool = toxic.get(category);
      List<Prompt> safePool = safe.get(category);
      int target = options.strategy == Strategy.EQUALIZE ? smallest : toxicPool.size();
      if (options.maxPerCategory > 0) {
        target = Math.min(target, options.maxPerCategory);
      }
      int safeTarget = Math.min(target, safePool.size());
      if (safeTarget < target) {
        warnings.add(
            "category %s has only %d safe prompts for %d toxic ones: all of them are used, and the sides are uneven"
                .formatted(category, safeTarget, target));
      }
      chosen.addAll(draw(toxicPool, target, options));
      chosen.addAll(draw(safePool, safeTarget, options));
      sides.put(category, new Sides(target, safeTarget));
    }
    return new Balanced(List.copyOf(chosen), sides, List.copyOf(warnings));
  }

  /**
   * Category weights, the legacy formula: w_c = total_toxic / (n_categories * toxic_c), then normalised to sum 1.
   *
   * @throws UserException a category has no toxic prompt
   */
  public static Map<Category, Double> weights(Map<Category, Integer> toxicCounts) {
    double total = toxicCounts.values().stream().mapToLong(Integer::longValue).sum();
    Map<Category, Double> weights = new LinkedHashMap<>();
    double sum = 0;
    for (Map.Entry<Category, Integer> entry : toxicCounts.entrySet()) {
      requireSome(entry.getKey(), entry.getValue(), "toxic");
      double weight = total / (toxicCounts.size() * (double) entry.getValue());
      weights.put(entry.getKey(), weight);
      sum += weight;
    }
    double all = sum;
    weights.replaceAll((category, weight) -> weight / all);
    return weights;
  }

  /** Those whose hash of seed and text is smallest, in file order. */
  private static List<Prompt> draw(List<Prompt> pool, int count, Options options) {
    if (count == pool.size()) {
      return pool;
    }
    if (!options.shuffle) {
      return pool.subList(0, count);
    }
    return Seeds.lowest(pool.size(), count, i -> Seeds.derive(options.seed, "balance", EqualTexts.key(pool.get(i).text())))
        .mapToObj(pool::get)
        .toList();
  }

  static void requireSome(Category category, int prompts, String side) {
    if (prompts == 0) {
      throw UserException.badData(
          "category %s has no %s prompt".formatted(category, side), "leave the category out, or add prompts to it");
    }
  }
}
