package org.refusal.data;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.base.UserException;

/**
 * What is in a data set, before anything is left out.
 *
 * @param overall counts over all categories
 * @param byCategory counts per category, in the order asked for
 * @param lengths per label, where there are prompts of it
 * @param lengthsByCategory per category, all labels together
 * @param duplicates texts that occur more than once ({@link EqualTexts#key})
 * @param balanced prompts that balancing would use, per category and side; empty when it cannot balance
 * @param categoryWeights {@link Balancer#weights} of the toxic counts; empty when a category has no toxic prompt
 * @param warnings one line each
 */
@JsonNaming(SnakeCaseStrategy.class)
public record DataAnalysis(
    Counts overall,
    Map<Category, Counts> byCategory,
    Map<Label, Lengths> lengths,
    Map<Category, Lengths> lengthsByCategory,
    List<Duplicate> duplicates,
    Map<Category, Balancer.Sides> balanced,
    Map<Category, Double> categoryWeights,
    List<String> warnings) {

  /**
   * @param toxicRatio toxic / total
   * @param toxicToSafe toxic / (safe + hard); the string "Infinity" in JSON without safe prompts
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Counts(int safe, int hard, int toxic, int total, double toxicRatio, Object toxicToSafe) {
    static Counts of(int[] byLabel) {
      int safe = byLabel[Label.SAFE.ordinal()];
      int hard = byLabel[Label.HARD.ordinal()];
      int toxic = byLabel[Label.TOXIC.ordinal()];
      int total = safe + hard + toxic;
      Object ratio = safe + hard == 0 ? "Infinity" : (Object) (toxic / (double) (safe + hard));
      return new Counts(safe, hard, toxic, total, total == 0 ? 0 : toxic / (double) total, ratio);
    }
  }

  /** Characters are Unicode code points, words are stretches without blanks. */
  public record Lengths(int prompts, Summary characters, Summary words) {
    static Lengths of(List<Prompt> prompts) {
      int[] characters = new int[prompts.size()];
      int[] words = new int[prompts.size()];
      for (int i = 0; i < characters.length; i++) {
        String text = prompts.get(i).text();
        characters[i] = text.codePointCount(0, text.length());
        words[i] = text.strip().split("\\s+").length;
      }
      return new Lengths(characters.length, Summary.of(characters), Summary.of(words));
    }
  }

  /** Quantiles interpolate linearly between order statistics (R's type 7). */
  public record Summary(int min, double q25, double median, double q75, double p95, int max, double mean) {
    static Summary of(int[] values) {
      int[] sorted = values.clone();
      Arrays.sort(sorted);
      return new Summary(
          sorted[0],
          quantile(sorted, 0.25),
          quantile(sorted, 0.5),
          quantile(sorted, 0.75),
          quantile(sorted, 0.95),
          sorted[sorted.length - 1],
          Arrays.stream(sorted).average().orElseThrow());
    }

    private static double quantile(int[] sorted, double q) {
      double at = q * (sorted.length - 1);
      int below = (int) Math.floor(at);
      int above = Math.min(below + 1, sorted.length - 1);
      return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }
  }

  /**
   * @param sources where the text stands, {@code file:record}
   * @param conflict whether it is toxic in one place and safe in another
   */
  public record Duplicate(String text, List<String> sources, boolean conflict) {}

  /**
   * O(n) in the total length of the texts.
   *
   * @param minToxicRatio warn when toxic / (safe + hard) of a category is below
   */
  public static DataAnalysis of(OrBench data, Balancer.Options balance, double minToxicRatio) {
    List<String> warnings = new ArrayList<>();
    int[] all = new int[Label.values().length];
    Map<Category, int[]> counted = new LinkedHashMap<>();
    Map<Category, List<Prompt>> perCategory = new LinkedHashMap<>();
    Map<Label, List<Prompt>> perLabel = new LinkedHashMap<>();
    for (Category category : data.categories()) {
      counted.put(category, new int[all.length]);
    }
    for (Prompt prompt : data.prompts()) {
      all[prompt.label().ordinal()]++;
      counted.get(prompt.category())[prompt.label().ordinal()]++;
      perCategory.computeIfAbsent(prompt.category(), key -> new ArrayList<>()).add(prompt);
      perLabel.computeIfAbsent(prompt.label(), key -> new ArrayList<>()).add(prompt);
    }
    Map<Category, Counts> byCategory = new LinkedHashMap<>();
    Map<Category, Integer> toxicCounts = new LinkedHashMap<>();
    counted.forEach((category, counts) -> {
      Counts of = Counts.of(counts);
      byCategory.put(category, of);
      toxicCounts.put(category, of.toxic());
      if (of.toxic() < minToxicRatio * (of.safe() + of.hard())) {
        warnings.add(
            "category %s: %d toxic for %d safe prompts, less than the ratio of %s"
                .formatted(category, of.toxic(), of.safe() + of.hard(), minToxicRatio));
      }
    });
    warnings.addAll(data.warnings());
    List<Duplicate> duplicates = duplicates(EqualTexts.group(data.prompts()).values());
    long conflicts = duplicates.stream().filter(Duplicate::conflict).count();
    if (!duplicates.isEmpty()) {
      warnings.add(
          "%d texts occur more than once, %d of them both as toxic and as safe"
              .formatted(duplicates.size(), conflicts));
    }
    Map<Category, Balancer.Sides> balanced = Map.of();
    Map<Category, Double> weights = Map.of();
    try {
      Balancer.Balanced result = Balancer.balance(data.prompts(), data.categories(), balance);
      balanced = result.sides();
      warnings.addAll(result.warnings());
      weights = Balancer.weights(toxicCounts);
    } catch (UserException e) {
      warnings.add("cannot be balanced: " + e.getMessage());
    }
    return new DataAnalysis(
        Counts.of(all),
        byCategory,
        lengths(perLabel),
        lengths(perCategory),
        duplicates,
        balanced,
        weights,
        List.copyOf(warnings));
  }

  private static <K> Map<K, Lengths> lengths(Map<K, List<Prompt>> prompts) {
    Map<K, Lengths> lengths = new LinkedHashMap<>();
    prompts.forEach((key, of) -> lengths.put(key, Lengths.of(of)));
    return lengths;
  }

  private static List<Duplicate> duplicates(Iterable<List<Prompt>> perText) {
    List<Duplicate> duplicates = new ArrayList<>();
    for (List<Prompt> same : perText) {
      if (same.size() > 1) {
        duplicates.add(
            new Duplicate(
                same.get(0).text(),
                same.stream().map(Prompt::source).toList(),
                EqualTexts.conflict(same)));
      }
    }
    return duplicates;
  }
}
