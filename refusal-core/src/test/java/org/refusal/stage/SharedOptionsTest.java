package org.refusal.stage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.config.Binder;
import org.refusal.config.Keys;
import org.refusal.config.Keys.KeyInfo;
import org.refusal.run.Pipeline;
import org.refusal.run.Stage;

/** What is given once to {@code refusal run} means the same in every stage. */
class SharedOptionsTest {
  @TempDir Path folder;

  /** Values that differ from every default. */
  private static final Map<String, String> VALUES =
      Map.ofEntries(
          Map.entry("--model", "other"), Map.entry("--model-name", "other"), Map.entry("--dataset-dir", "prompts"),
          Map.entry("--results-dir", "elsewhere"), Map.entry("--result-dir", "elsewhere"), Map.entry("--categories", "[hate]"),
          Map.entry("--seed", "77"), Map.entry("--device", "cuda:3"), Map.entry("--cache-dir", "cache"),
          Map.entry("--format", "pdf"), Map.entry("--no-visualizations", "true"), Map.entry("--keep-going", "true"));

  @Test
  void aSharedNameOfAKeyIsItsNameInEveryStage() {
    Map<String, List<TreeSet<String>>> names = new LinkedHashMap<>();
    for (Stage<?> stage : Stages.all()) {
      for (KeyInfo key : Keys.of(stage.configType())) {
        TreeSet<String> shared = new TreeSet<>(key.options());
        shared.retainAll(Pipeline.SHARED_OPTIONS);
        shared.forEach(option -> names.computeIfAbsent(option, each -> new ArrayList<>()).add(shared));
      }
    }
    assertThat(names.keySet()).containsExactlyInAnyOrderElementsOf(Pipeline.SHARED_OPTIONS);
    names.forEach((option, sets) -> assertThat(sets).as(option).containsOnly(sets.get(0)));
    assertThat(names.get("--results-dir")).as("every stage has a results folder").hasSize(Stages.all().size());
  }

  @Test
  void everySharedOptionReachesEveryStageThatHasItsKey() throws IOException {
    Path pipeline = folder.resolve("pipeline.yaml");
    Files.writeString(pipeline, "collect:\n  model:\n    name: some/model\n");
    assertThat(VALUES.keySet()).containsExactlyInAnyOrderElementsOf(Pipeline.SHARED_OPTIONS);
    VALUES.forEach((option, value) -> {
      int reached = 0;
      for (Pipeline.Step<?> step : Stages.pipeline().plan(pipeline, Map.of(option, value), List.of(), Map.of())) {
        for (KeyInfo key : Keys.of(step.stage().configType())) {
          if (key.options().contains(option)) {
            String wanted = key.negated(option) ? "false" : value;
            assertThat(at(step.config(), key.path())).as("%s of %s in %s", option, key.path(), step.title()).isEqualTo(wanted);
            reached++;
          }
        }
      }
      assertThat(reached).as(option).isPositive();
    });
  }

  private static String at(Record config, String path) {
    Object value = Binder.toMap(config, true);
    for (String name : path.split("\\.")) {
      value = ((Map<?, ?>) value).get(name);
    }
    return String.valueOf(value);
  }
}
