package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.io.Json;
import org.refusal.run.ResultLayout;

/** {@code collect} on prompts that stand twice, and on categories of every name. */
class ForeignDataTest {
  private static final List<String> FILES = List.of("or-bench-80k.csv", "or-bench-toxic.csv", "or-bench-hard-1k.csv");

  @TempDir Path folder;
  private Path model;
  private Path results;

  @BeforeEach
  void model() {
    model = Cli.smallModel(folder.resolve("small"));
    results = folder.resolve("out").resolve("results");
  }

  private Cli collect(String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "collect", "--model", model.toString(), "--dataset-dir", model.toString(), "--results-dir", results.toString(),
                "--set", "model.activation_layers=[residuals_1]", "--set", "inference.max_new_tokens=2",
                "--set", "inference.content_free=false"));
    arguments.addAll(List.of(more));
    return Cli.run(Map.of(), arguments);
  }

  private void rewrite(UnaryOperator<List<String>> change) throws IOException {
    for (String name : FILES) {
      List<String> lines = Files.readAllLines(model.resolve(name));
      List<String> all = new ArrayList<>(lines.subList(0, 1));
      all.addAll(change.apply(lines.subList(1, lines.size())));
      Files.write(model.resolve(name), all);
    }
  }

  @Test
  void noTextIsOnBothSidesOfTheSplitAndRepetitionsAreSaid() throws IOException {
    rewrite(lines -> {
      List<String> twice = new ArrayList<>(lines);
      lines.forEach(line -> twice.add(line.toUpperCase(Locale.ROOT).replaceAll("[^,]*$", "") + line.replaceAll(".*,", "")));
      return twice;
    });
    List<String> toxic = Files.readAllLines(model.resolve(FILES.get(1)));
    List<String> safe = new ArrayList<>(Files.readAllLines(model.resolve(FILES.get(0))));
    safe.set(1, toxic.get(1));
    Files.write(model.resolve(FILES.get(0)), safe);

    Cli ran = collect("--set", "data.heldout_fraction=0.3");

    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err()).containsPattern("warning: [0-9]+ texts stand more than once").contains("toxic in one place and safe in another");
    Map<String, TreeSet<String>> sides = new TreeMap<>();
    try (Stream<Path> files = Files.list(results.resolve("model_outputs"))) {
      for (Path file : files.filter(each -> each.toString().endsWith("_outputs.json")).toList()) {
        for (JsonNode output : Json.read(file)) {
          sides
              .computeIfAbsent(output.path("prompt").asText().toLowerCase(Locale.ROOT), text -> new TreeSet<>())
              .add(output.path("split").asText());
        }
      }
    }
    assertThat(sides.values()).hasSizeGreaterThan(20).allSatisfy(each -> assertThat(each).hasSize(1));
    assertThat(sides.values()).anyMatch(each -> each.contains("heldout")).anyMatch(each -> each.contains("discovery"));
  }

  @Test
  void categoriesOfEveryNameHaveFilesOfTheirOwnAndKeepTheirSpelling() throws IOException {
    String longName = "long ".repeat(40).strip();
    List<String> names = List.of("Fraud/Deception", "..", "fraud/deception", "hate_safe", "hate", longName);
    rewrite(lines -> {
      List<String> renamed = new ArrayList<>();
      for (int i = 0; i < lines.size(); i++) {
        renamed.add(lines.get(i).replaceAll(",[^,]*$", ",") + names.get(i % names.size()));
      }
      return renamed;
    });

    Cli ran = collect();

    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err()).contains("categories 'Fraud/Deception' and 'fraud/deception' differ in spelling only");
    try (Stream<Path> all = Files.walk(folder.resolve("out"))) {
      List<String> outputs =
          all.filter(Files::isRegularFile).map(Path::toString).filter(file -> file.endsWith("_outputs.json"))
              .map(file -> file.toLowerCase(Locale.ROOT)).toList();
      assertThat(outputs).hasSize(names.size()).doesNotHaveDuplicates()
          .allMatch(file -> Path.of(file).getParent().equals(Path.of(results.resolve("model_outputs").toString().toLowerCase(Locale.ROOT))));
    }
    assertThat(results.resolve("model_outputs").resolve("small_hate_outputs.json")).exists();
    JsonNode report = Json.read(results.resolve("model_outputs").resolve("small_collect.json"));
    assertThat(report.path("categories").fieldNames()).toIterable().containsExactlyInAnyOrderElementsOf(names);
    JsonNode written = Json.read(results.resolve("splits.json")).path("file_names");
    assertThat(written.path(longName).asText()).isEqualTo(ResultLayout.categoryName(longName)).contains("%~");
    assertThat(ran.out()).contains("Fraud/Deception", "..");
  }
}
