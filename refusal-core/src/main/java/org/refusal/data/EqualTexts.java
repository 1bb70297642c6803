package org.refusal.data;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Prompts that are the same text (docs/definitions.md): equal after Unicode normalisation (NFKC), lower-casing and
 * collapsing of blanks. Files repeat prompts, in one category and across categories, and now and then call one text toxic
 * here and safe there.
 *
 * @param texts texts that stand more than once
 * @param prompts prompts that have such a text
 * @param acrossCategories texts that stand in several categories
 * @param acrossLabels texts that have several labels (safe, hard, toxic)
 * @param conflicts where the texts stand that are toxic in one place and safe or hard in another, {@code file:record}
 */
@JsonNaming(SnakeCaseStrategy.class)
public record EqualTexts(
    int texts, int prompts, int acrossCategories, int acrossLabels, List<List<String>> conflicts) {
  private static final Pattern BLANKS = Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);

  /** Conflicts that a warning names. */
  private static final int SHOWN = 5;

  public EqualTexts {
    conflicts = List.copyOf(conflicts);
  }

  /** What equal texts have in common. */
  public static String key(String text) {
    String lower = Normalizer.normalize(text, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT);
    return BLANKS.matcher(lower).replaceAll(" ").strip();
  }

  /** The prompts by {@link #key}, both in the order given; O(n) in the length of the texts. */
  static Map<String, List<Prompt>> group(Collection<Prompt> prompts) {
    Map<String, List<Prompt>> byText = new LinkedHashMap<>();
    prompts.forEach(prompt -> byText.computeIfAbsent(key(prompt.text()), key -> new ArrayList<>()).add(prompt));
    return byText;
  }

  /** Counts them; O(n) in the length of the texts. */
  public static EqualTexts count(Collection<Prompt> prompts) {
    List<List<Prompt>> repeated = group(prompts).values().stream().filter(same -> same.size() > 1).toList();
    return new EqualTexts(
        repeated.size(),
        repeated.stream().mapToInt(List::size).sum(),
        (int) repeated.stream().filter(same -> same.stream().map(Prompt::category).distinct().count() > 1).count(),
        (int) repeated.stream().filter(same -> same.stream().map(Prompt::label).distinct().count() > 1).count(),
        repeated.stream()
            .filter(EqualTexts::conflict)
            .map(same -> same.stream().map(Prompt::source).toList())
            .toList());
  }

  /** Whether prompts of one text are toxic in one place and safe or hard in another. */
  static boolean conflict(List<Prompt> same) {
    return same.stream().map(prompt -> prompt.label().toxic()).distinct().count() > 1;
  }

  /** What the user should know, one line each; empty when no text stands twice. */
  public List<String> warnings() {
    if (texts == 0) {
      return List.of();
    }
    List<String> warnings = new ArrayList<>();
    warnings.add(
        "%d texts stand more than once (%d prompts; %d texts in several categories, %d under several labels): equal texts"
            .formatted(texts, prompts, acrossCategories, acrossLabels)
            + " stay on one side of the split");
    if (!conflicts.isEmpty()) {
      warnings.add(
          "%d texts are toxic in one place and safe in another, one of the labels is wrong: %s%s"
              .formatted(
                  conflicts.size(),
                  String.join("; ", conflicts.stream().limit(SHOWN).map(places -> String.join(" = ", places)).toList()),
                  conflicts.size() > SHOWN ? "; ..." : ""));
    }
    return warnings;
  }
}
