package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.base.Digests;
import org.refusal.io.Json;

/** Stages must not mix results of different runs: what a finished run leaves, and what is then changed in it. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StaleResultsTest {
  private Path model;
  private Path finished;
  private Path results;

  @BeforeAll
  void runOnce(@TempDir Path folder) {
    model = Cli.smallModel(folder.resolve("small"));
    finished = folder.resolve("finished");
    Cli first = run(finished);
    assertThat(first.code()).as(first.err()).isZero();
  }

  @BeforeEach
  void copy(@TempDir Path folder) throws IOException {
    results = folder.resolve("results");
    try (Stream<Path> files = Files.walk(finished)) {
      for (Path file : files.sorted().toList()) {
        Files.copy(
            file, results.resolve(finished.relativize(file).toString()), StandardCopyOption.COPY_ATTRIBUTES);
      }
    }
  }

  private Cli run(Path folder, String... more) {
    List<String> arguments = new ArrayList<>(Cli.pipeline(model, folder));
    arguments.addAll(
        List.of(
            "--set", "evaluate.evaluation.behaviour_prompts=0", "--set", "evaluate.evaluation.random_circuits=1", "--set",
            "discover.circuit.ig_steps=2", "--set", "discover.circuit.edges=none", "--no-visualizations", "--format",
            "markdown", "-q"));
    arguments.addAll(List.of(more));
    return Cli.run(Map.of(), arguments);
  }

  private Cli stage(String name, String... more) {
    List<String> arguments = new ArrayList<>(List.of(name, "--results-dir", results.toString()));
    if (!name.equals("status")) {
      arguments.addAll(List.of("--model", model.toString()));
    }
    arguments.addAll(List.of(more));
    return Cli.run(Map.of(), arguments);
  }

  private static void refused(Cli ran, String... parts) {
    assertThat(ran.code()).as(ran.err()).isEqualTo(65);
    assertThat(ran.out()).isEmpty();
    assertThat(ran.complaint()).as(ran.err()).hasSize(2);
    assertThat(String.join("\n", ran.complaint())).contains(parts);
  }

  @Test
  void aCopiedResultsFolderIsUpToDate() {
    Cli explained = run(results, "--explain");

    assertThat(explained.code()).as(explained.err()).isZero();
    assertThat(explained.out().lines().toList()).hasSize(8).allMatch(line -> line.endsWith(" is up to date"));
  }

  @Test
  void aFileThatWasCopiedOutAndRenamedKnowsWhereItComesFrom(@TempDir Path elsewhere) throws IOException {
    Path named = results.resolve("attributions/small_deception.safetensors");
    Path copy = Files.copy(named, elsewhere.resolve("renamed.bin"));

    Cli origin = stage("status", "--file", copy.toString());

    assertThat(origin.code()).as(origin.err()).isZero();
    assertThat(origin.out().lines().findFirst().orElseThrow())
        .isEqualTo("%s: made by discover as attributions/small_deception.safetensors, sha256 %s".formatted(copy, Digests.sha256(copy)));
    List<String> runs = origin.out().lines().filter(line -> line.matches("[a-z-]+  key [0-9a-f]{16}  .*Z")).toList();
    assertThat(runs).hasSize(3);
    assertThat(runs.get(0)).startsWith("discover  key ");
    assertThat(runs).anyMatch(line -> line.startsWith("train-saes  ")).anyMatch(line -> line.startsWith("collect  "));
    assertThat(origin.out())
        .contains("  config circuit.ig_steps: 2\n", "made by train-saes, key ", "made by collect, key ")
        .doesNotContain("circuit.node_threshold");
    assertThat(origin.out().lines().filter(line -> line.endsWith("  from outside")))
        .anyMatch(line -> line.contains(model.resolve("model.safetensors") + "  sha256 "))
        .anyMatch(line -> line.contains(".csv  sha256 "));
  }

  @Test
  void aFileThatNoRunMadeIsRefused(@TempDir Path elsewhere) throws IOException {
    Path foreign = Files.writeString(elsewhere.resolve("foreign.json"), "{}");
    refused(stage("status", "--file", foreign.toString()), "foreign.json: no run of this results folder made a file with this content");
    refused(stage("status", "--file", elsewhere.resolve("none.json").toString()), "none.json: no such file");
  }

  private void trainAgain() {
    Cli trained =
        stage(
            "train-saes", "--set", "sae.k=3", "--set", "sae.hidden_dim=32", "--set", "training.max_steps=20", "--set",
            "training.ce_prompts=0");
    assertThat(trained.code()).as(trained.err()).isZero();
  }

  @Test
  void autoencodersTrainedAnewMakeWhatWasMadeFromTheOldOnesStale() {
    trainAgain();

    for (String stage : List.of("evaluate", "stats", "analyze")) {
      refused(stage(stage), "was made by discover from ", "saes/small/residuals_2", "which train-saes has made anew since", "run discover again");
    }
    refused(
        stage("report"), "was made by discover from ",
        "run discover again, then analyze again, then evaluate again, then stats again");
    Cli status = stage("status");
    assertThat(status.code()).isZero();
    assertThat(status.out().lines().filter(line -> line.startsWith("  stale: ")))
        .hasSize(5)
        .allMatch(line -> line.contains("run discover again"));

    Cli whole = run(results);
    assertThat(whole.code()).as(whole.err()).isZero();
    assertThat(stage("status").out()).doesNotContain("stale");
  }

  @ParameterizedTest
  @CsvSource({
    "train-saes, activations/small_deception_activations.safetensors, collect",
    "discover, saes/small/residuals_2/sae_weights.safetensors, train-saes",
    "evaluate, saes/small/residuals_2/sae_weights.safetensors, train-saes",
    "discover, model_outputs/small_deception_outputs.json, collect",
    "stats, model_outputs/small_deception_outputs.json, collect",
    "stats, attributions/small_deception.safetensors, discover",
    "stats, evaluation/small_transfer.json, evaluate",
    "analyze, circuits/small_deception_toxic_circuit.json, discover",
    "report, evaluation_stats/small_stats.json, stats",
    "report, similarity/small_similarity.json, analyze",
  })
  void oneChangedBitIsNotTaken(String stage, String name, String maker) throws IOException {
    changeOneBit(results.resolve(name));

    refused(
        stage(stage), results.resolve(name) + ": was made by " + maker + ", but has changed since",
        "run " + maker + " again");
  }

  private static void changeOneBit(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int at = bytes.length - 5;
    while (file.toString().endsWith(".json") && !Character.isDigit(bytes[at])) {
      at--;
    }
    bytes[at] ^= 1;
    Files.write(file, bytes);
  }

  @Test
  void aWholeRunMakesChangedFilesAgain() throws IOException {
    List<String> names =
        List.of(
            "saes/small/residuals_2/sae_weights.safetensors", "attributions/small_deception.safetensors",
            "evaluation/small_transfer.json");
    for (String name : names) {
      changeOneBit(results.resolve(name));
    }
    Cli whole = run(results);
    assertThat(whole.code()).as(whole.err()).isZero();
    for (String name : names) {
      assertThat(results.resolve(name)).hasSameBinaryContentAs(finished.resolve(name));
    }
  }

  @Test
  void fewerHookPointsThanDiscoverAreABadConfigBeforeTheModelIsLoaded() throws IOException {
    byte[] transfer = Files.readAllBytes(results.resolve("evaluation/small_transfer.json"));

    Cli fewer = stage("evaluate", "--set", "model.activation_layers=[residuals_2]");

    assertThat(fewer.code()).as(fewer.err()).isEqualTo(78);
    assertThat(fewer.complaint().get(0))
        .contains("model.activation_layers: evaluate takes residuals_2, and not residuals_3, where discover has worked");
    assertThat(fewer.complaint().get(1)).contains("set it to [residuals_2, residuals_3]");
    assertThat(Files.readAllBytes(results.resolve("evaluation/small_transfer.json"))).isEqualTo(transfer);
  }

  /** discover at one hook point, then evaluate's file is of another discover. */
  @Test
  void transferOfAnEarlierDiscoverIsNotTaken() {
    Cli one =
        stage(
            "discover", "--set", "model.activation_layers=[residuals_3]", "--set", "circuit.ig_steps=2", "--set",
            "circuit.edges=none");
    assertThat(one.code()).as(one.err()).isZero();
    refused(stage("stats"), "evaluation/small_transfer.json: was made by evaluate from ", "run evaluate again");
    Cli more = stage("evaluate");
    assertThat(more.code()).as(more.err()).isEqualTo(78);
    assertThat(more.complaint().get(0)).contains("but discover has not worked at residuals_2");
  }

  /** Attributions of one category beside the read-out of another run would be projected on what they are no part of. */
  @Test
  void leftoversOfAnEarlierDiscoverAreNotTaken() {
    Cli part =
        stage(
            "discover", "--categories", "deception", "--set", "circuit.ig_steps=2", "--set", "circuit.edges=none");
    assertThat(part.code()).as(part.err()).isZero();
    refused(stage("stats"), "left over from an earlier run of discover", "run discover again with this category");
    refused(stage("evaluate"), "left over from an earlier run of discover");
    Cli compared = stage("analyze");
    assertThat(compared.code()).as(compared.err()).isZero();
    assertThat(compared.err()).contains("left out, as an earlier run of discover has left it over");
    assertThat(compared.out()).contains("1 categories");
  }

  @Test
  void autoencodersOfAnEarlierTrainingWithOtherLayersDoNotCount() {
    Cli one =
        stage(
            "train-saes", "--set", "model.activation_layers=[residuals_3]", "--set", "sae.hidden_dim=32", "--set",
            "sae.k=4", "--set", "training.max_steps=20", "--set", "training.ce_prompts=0");
    assertThat(one.code()).as(one.err()).isZero();

    assertThat(stage("discover", "--dry-run").err()).contains("saes/small/residuals_3").doesNotContain("residuals_2");
    assertThat(stage("discover", "--dry-run", "--set", "model.activation_layers=[residuals_2]").err())
        .contains("saes/small/residuals_2");
  }

  @Test
  void importedAutoencodersTakeThePlaceOfTrainedOnes() throws IOException {
    Path elsewhere = results.resolveSibling("residuals_2");
    Files.createDirectories(elsewhere);
    for (String name : List.of("cfg.json", "sae_weights.safetensors")) {
      Files.copy(results.resolve("saes/small/residuals_2").resolve(name), elsewhere.resolve(name));
    }
    trainAgain();
    Cli imported = stage("import", elsewhere.toString());
    assertThat(imported.code()).as(imported.err()).isZero();

    assertThat(Json.read(results.resolve("saes/small/residuals_2/cfg.json")).path("k").asInt()).isNotEqualTo(3);
    refused(stage("stats"), "run discover again");
    Cli discovered = stage("discover", "--set", "circuit.ig_steps=2", "--set", "circuit.edges=none");
    assertThat(discovered.code()).as(discovered.err()).isZero();
  }

  /** Other layers leave autoencoders of the run before, a config that estimates no effects its scores; none may count. */
  @Test
  void aWholeRunWithAnotherConfigStumblesOverNoLeftovers() throws IOException {
    String stats = "circuit.attribution_method=stats";
    Cli other = run(results, "--set", "discover." + stats, "--set", "analyze." + stats);
    assertThat(other.code()).as(other.err()).isZero();
    assertThat(results.resolve("evaluation/small_deception_metrics.json")).exists();
    assertThat(other.out()).contains("discover estimated no effects", "verdict: INCONCLUSIVE");
    String report = Files.readString(results.resolve("reports/small_report.md"));
    assertThat(report).contains("faithfulness and side effects (`refusal evaluate`");

    Cli last = run(results, "--set", "model.activation_layers=[residuals_3]");
    assertThat(last.code()).as(last.err()).isZero();
    assertThat(results.resolve("saes/small/residuals_2/metrics.json")).exists();
    assertThat(Files.readString(results.resolve("reports/small_report.md"))).contains("| residuals_3 |").doesNotContain("| residuals_2 |");

    Cli back = run(results);
    assertThat(back.code()).as(back.err()).isZero();
    for (String name :
        List.of("evaluation/small_transfer.json", "evaluation_stats/small_stats.json", "similarity/small_similarity.json")) {
      assertThat(results.resolve(name)).hasSameBinaryContentAs(finished.resolve(name));
    }
    assertThat(stage("status").out()).doesNotContain("stale");
  }

  @Test
  void statusNamesWhatWasLeftUnfinished() throws IOException {
    Path work = results.resolve(".work/collect/0123456789abcdef");
    Files.createDirectories(work);
    Files.write(work.resolve("shard"), new byte[3 << 20]);
    assertThat(stage("status").out())
        .contains("  unfinished: key 0123456789abcdef, 3.0 MiB in " + work + ": the same command goes on, --fresh removes it");
  }

  /** What no manifest names is taken as it is: results of other tools have none. */
  @Test
  void withoutManifestsNothingIsObjectedTo() throws IOException {
    try (Stream<Path> files = Files.list(results.resolve("manifests"))) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Path transfer = results.resolve("evaluation/small_transfer.json");
    Files.writeString(transfer, Files.readString(transfer).replaceFirst("\\n", "\n "));
    Cli stats = stage("stats", "--set", "stats.permutations=20", "--set", "stats.bootstrap=20");
    assertThat(stats.code()).as(stats.err()).isZero();
  }
}
