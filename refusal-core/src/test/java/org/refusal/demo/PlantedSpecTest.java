package org.refusal.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;
import org.refusal.data.Category;
import org.refusal.data.Label;
import org.refusal.data.OrBench;

class PlantedSpecTest {
  private static final PlantedSpec SPEC = PlantedSpec.of(PlantedKind.MODULAR, 4);

  @TempDir Path folder;

  @Test
  void categoriesHaveTheSizesAskedFor() {
    List<Integer> toxic = List.of(3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    List<Integer> safe = List.of(12, 11, 10, 9, 8, 7, 6, 5, 4, 3);
    PlantedModel.write(SPEC.withSizes(toxic, safe), folder);

    OrBench data = OrBench.load(folder);
    for (int i = 0; i < toxic.size(); i++) {
      Category category = SPEC.categories().get(i);
      assertThat(count(data, category, Label.TOXIC)).as(category.name()).isEqualTo(toxic.get(i).longValue());
      assertThat(count(data, category, Label.SAFE)).as(category.name()).isEqualTo(safe.get(i).longValue());
    }
  }

  private static long count(OrBench data, Category category, Label label) {
    return data.prompts().stream()
        .filter(prompt -> prompt.category().equals(category) && prompt.label() == label)
        .count();
  }

  @Test
  void mislabelledPromptsAreHarmlessOnes() {
    PlantedWords words = new PlantedWords(SPEC.categories().size());
    String clean = new PlantedPrompts(SPEC.withPrompts(60, 2), words).csv(Label.TOXIC);
    String mixed = new PlantedPrompts(SPEC.withPrompts(60, 2).withMislabelled(0.1), words).csv(Label.TOXIC);

    assertThat(harmless(clean, words)).isZero();
    assertThat(harmless(mixed, words)).isBetween(35L, 85L); // 60 of 600 expected, standard deviation 7
  }

  /** Rows that lack trigger or harmful intent. */
  private static long harmless(String csv, PlantedWords words) {
    return csv.lines()
        .skip(1)
        .filter(row -> {
          String[] fields = row.split(",");
          int category = SPEC.categories().stream().map(Category::name).toList().indexOf(fields[1]);
          List<String> text = List.of(fields[0].split(" "));
          return Collections.disjoint(text, words.triggers(category)) || Collections.disjoint(text, words.harmful());
        })
        .count();
  }

  @Test
  void impossibleSpecsAreRefused() {
    assertRefused(() -> SPEC.withLeak(-1), "the leak of a planted model is 0 or more, not -1.0");
    assertRefused(() -> SPEC.withWeightNoise(Double.NaN), "the weight noise of a planted model is 0 or more, not NaN");
    assertRefused(() -> SPEC.withMislabelled(1.5), "the mislabelled share of a planted model is 0 to 1, not 1.5");
    assertRefused(() -> SPEC.withShare(1), "the share of a graded planted model lies between 0 and 1; it is 1.0");
    assertRefused(() -> SPEC.withPrompts(1, 5), "at least 2 toxic prompts in every category; deception has 1");
    assertRefused(() -> SPEC.withSizes(List.of(5, 5), List.of(5, 5)), "needs as many numbers of toxic prompts, not 2");
  }

  private static void assertRefused(Runnable making, String message) {
    assertThatThrownBy(making::run).isInstanceOf(UserException.class).hasMessageContaining(message);
  }
}
