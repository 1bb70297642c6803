package org.refusal.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.refusal.Goldens;
import org.refusal.io.Json;

class LegacyDataGoldenTest {
  private Path folder;
  private LegacyData data;
  private JsonNode expected;

  @BeforeEach
  void load() {
    folder = Goldens.folder("reference").resolve("data");
    assumeTrue(Files.isDirectory(folder), "these goldens have no " + folder);
    data = LegacyData.load(folder.resolve("or-bench"));
    expected = Json.read(folder.resolve("expected.json"));
  }

  @Test
  void countsAndWeights() {
    List<String> names = new ArrayList<>();
    expected.path("available_categories").forEach(name -> names.add(name.asText()));
    assertThat(data.categories()).extracting(Category::name).isEqualTo(names);
    Map<Category, Integer> toxic = data.counts(data.categories(), Label.TOXIC);
    toxic.forEach((category, count) -> assertThat(count).isEqualTo(
        expected.path("toxic_counts").path(category.name()).intValue()));
    data.counts(data.categories(), Label.SAFE, Label.HARD).forEach((category, count) -> assertThat(count).isEqualTo(
        expected.path("safe_counts").path(category.name()).intValue()));
    Balancer.weights(toxic).forEach((category, weight) -> assertThat(weight).isCloseTo(
        expected.path("use_all_shuffle_false").path("category_weights").path(category.name()).doubleValue(),
        within(1e-12)));
    Map<Category, Integer> uneven = new LinkedHashMap<>();
    expected.path("weights_uneven").path("counts").properties()
        .forEach(entry -> uneven.put(new Category(entry.getKey()), entry.getValue().intValue()));
    Balancer.weights(uneven).forEach((category, weight) -> assertThat(weight).isCloseTo(
        expected.path("weights_uneven").path("weights").path(category.name()).doubleValue(), within(1e-12)));
  }

  /** The hard file counts as safe in safe_ratio. */
  @Test
  void splitStatistics() {
    JsonNode golden = Json.read(folder.resolve("data_split_statistics.json"));
    List<Category> categories = data.categories();
    Map<Category, Integer> safe = data.counts(categories, Label.SAFE);
    Map<Category, Integer> hard = data.counts(categories, Label.HARD);
    Map<Category, Integer> toxic = data.counts(categories, Label.TOXIC);
    assertThat(golden.path("by_category")).hasSize(categories.size());
    for (Category category : categories) {
      JsonNode of = golden.path("by_category").path(category.name());
      int all = safe.get(category) + hard.get(category) + toxic.get(category);
      assertThat(safe.get(category)).as("safe, %s", category).isEqualTo(of.path("safe_80k").intValue());
      assertThat(hard.get(category)).as("hard, %s", category).isEqualTo(of.path("hard_1k").intValue());
      assertThat(toxic.get(category)).as("toxic, %s", category).isEqualTo(of.path("toxic").intValue());
      assertThat(all).isEqualTo(of.path("total").intValue());
      assertThat((double) toxic.get(category) / all).isCloseTo(of.path("toxic_ratio").doubleValue(), within(1e-12));
      assertThat((double) (safe.get(category) + hard.get(category)) / all)
          .isCloseTo(of.path("safe_ratio").doubleValue(), within(1e-12));
    }
    JsonNode overall = golden.path("overall");
    int total = overall.path("total_all").intValue();
    assertThat(safe.values().stream().mapToInt(n -> n).sum()).isEqualTo(overall.path("total_safe_80k").intValue());
    assertThat(hard.values().stream().mapToInt(n -> n).sum()).isEqualTo(overall.path("total_hard_1k").intValue());
    int allToxic = toxic.values().stream().mapToInt(n -> n).sum();
    assertThat(allToxic).isEqualTo(overall.path("total_toxic").intValue());
    assertThat((double) allToxic / total).isCloseTo(overall.path("toxic_ratio").doubleValue(), within(1e-12));
    System.out.printf("legacy data, split statistics: %d categories equal%n", categories.size());
  }

  /** Counts do not depend on shuffling; equalize among some categories only; a category without toxic rows. */
  @Test
  void balancedCounts() {
    for (Balancer.Strategy strategy : Balancer.Strategy.values()) {
      String name = strategy == Balancer.Strategy.USE_ALL ? "use_all" : "equalize";
      for (String shuffle : List.of("false", "true")) {
        JsonNode golden = expected.path(name + "_shuffle_" + shuffle);
        assertThat(golden.path("counts")).isNotEmpty();
        data.balance(data.categories(), strategy).forEach((category, prompts) -> {
          long toxic = prompts.stream().filter(prompt -> prompt.label().toxic()).count();
          JsonNode counts = golden.path("counts").path(category.name());
          assertThat(toxic).as("%s, %s", name, category).isEqualTo(counts.path("toxic").longValue());
          assertThat(prompts.size() - toxic).isEqualTo(counts.path("safe").longValue());
        });
        data.counts(data.categories(), Label.TOXIC).forEach((category, count) ->
            assertThat(count).isEqualTo(golden.path("toxic_counts_returned").path(category.name()).intValue()));
      }
    }
    JsonNode some = expected.path("equalize_three_categories");
    List<Category> asked = new ArrayList<>();
    some.path("asked").forEach(name -> asked.add(new Category(name.asText())));
    data.balance(asked, Balancer.Strategy.EQUALIZE).forEach((category, prompts) ->
        assertThat(prompts).hasSize(some.path("counts").path(category.name()).intValue()));
    Balancer.weights(data.counts(asked, Label.TOXIC)).forEach((category, weight) ->
        assertThat(weight)
            .isCloseTo(some.path("category_weights").path(category.name()).doubleValue(), within(1e-12)));
    expected.path("toxic_counts_unknown_category").properties().forEach(entry -> {
      Category category = new Category(entry.getKey());
      assertThat(data.counts(List.of(category), Label.TOXIC)).containsEntry(category, entry.getValue().intValue());
    });
  }

  @Test
  void useAllInFileOrder() {
    samples("use_all_in_file_order.json", Balancer.Strategy.USE_ALL);
  }

  @Test
  void equalizeInFileOrder() {
    samples("equalize_in_file_order.json", Balancer.Strategy.EQUALIZE);
  }

  private void samples(String name, Balancer.Strategy strategy) {
    JsonNode golden = Json.read(folder.resolve(name));
    Map<Category, List<Prompt>> balanced = data.balance(data.categories(), strategy);
    assertThat(balanced).hasSize(golden.size());
    int checked = 0;
    for (Map.Entry<Category, List<Prompt>> entry : balanced.entrySet()) {
      List<String> ours = new ArrayList<>();
      List<String> theirs = new ArrayList<>();
      entry.getValue().forEach(prompt -> ours.add(prompt.label().toxic() + " " + prompt.file() + " " + prompt.text()));
      for (JsonNode sample : golden.path(entry.getKey().name())) {
        theirs.add(
            sample.path("refusal_label").asBoolean() + " " + sample.path("original_source").asText() + " "
                + sample.path("prompt").asText());
      }
      assertThat(ours).as(entry.getKey().name()).isEqualTo(theirs);
      checked += ours.size();
    }
    System.out.printf("legacy data, %s: %d samples equal%n", name, checked);
    assertThat(checked).isPositive();
  }
}
