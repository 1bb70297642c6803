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
