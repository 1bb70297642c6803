package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.base.AtomicFiles;
import org.refusal.base.Digests;
import org.refusal.io.Json;
import org.refusal.torch.Devices;

/** A finished run whose files are then damaged one by one, and what its manifests say. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DamagedResultsTest {
  private static final String TOKEN = "hf_mustNeverAppearAnywhere";
  private static final Map<String, String> ENVIRONMENT =
      Map.of("HF_TOKEN", TOKEN, "SLURM_JOB_ID", "4711", "REFUSAL_SAE_KK", "3");

  private Path model;
  private Path results;
  private Cli first;

  @BeforeAll
  void runOnce(@TempDir Path folder) {
    model = Cli.smallModel(folder.resolve("small"));
    results = folder.resolve("results");
    first = Cli.run(ENVIRONMENT, Cli.pipeline(model, results));
    assertThat(first.code()).as(first.err()).isZero();
  }

  private Cli stage(String name, String... more) {
    List<String> arguments = new ArrayList<>(List.of(name, "--results-dir", results.toString()));
    if (!name.equals("analyze-data") && !name.equals("status")) {
      arguments.addAll(List.of("--model", model.toString()));
    }
    arguments.addAll(List.of(more));
    return Cli.run(Map.of(), arguments);
  }

  private Path one(String folder, String prefix) throws IOException {
    try (Stream<Path> files = Files.list(results.resolve(folder))) {
      return files.filter(file -> file.getFileName().toString().startsWith(prefix)).sorted().findFirst().orElseThrow();
    }
  }

  @Test
  void theRunEndsWithTheVerdictAndWhy() {
    List<String> lines = first.out().lines().toList();
    int verdict = lines.indexOf("verdict: INCONCLUSIVE");

    assertThat(verdict).as(first.out()).isPositive();
    assertThat(lines.subList(verdict + 1, lines.size())).isNotEmpty().allMatch(line -> line.startsWith("  "));
    assertThat(lines.get(verdict - 1)).as("the answer in words").startsWith("INCONCLUSIVE: ");
    assertThat(lines.get(verdict - 2)).as("the report comes before").startsWith("report: ");
  }

  @Test
  void aMistypedVariableIsWarnedOf() {
    assertThat(first.err())
        .contains("refusal: warning: $REFUSAL_SAE_KK sets no config key and has no effect; did you mean REFUSAL_SAE_K?");
  }

  @Test
  void manifestsHoldWhatMadeTheFiles() throws IOException {
    for (String stage :
        List.of("analyze-data-", "collect", "train-saes", "discover", "analyze-", "evaluate", "stats", "report")) {
      JsonNode manifest = Json.read(one("manifests", stage));
      assertThat(manifest.path("config").size()).as(stage).isPositive();
      assertThat(manifest.path("seed").isNumber()).isTrue();
      assertThat(manifest.path("wall_seconds").asDouble()).isPositive();
      assertThat(manifest.path("peak_memory_bytes").asLong()).isPositive();
      assertThat(manifest.path("slurm_job_id").asText()).isEqualTo("4711");
      boolean runsModel = List.of("collect", "train-saes", "discover", "evaluate").contains(stage);
      assertThat(manifest.path("versions").path("device").asText())
          .isEqualTo(runsModel ? Devices.name(Devices.parse("auto")) : "cpu");
      for (String program : List.of("refusal", "commit", "java", "libtorch", "os")) {
        assertThat(manifest.path("versions").path(program).asText()).as(program).isNotBlank();
      }
      for (String side : List.of("inputs", "outputs")) {
        assertThat(manifest.path(side)).as(stage + side).isNotEmpty();
        for (JsonNode artifact : manifest.path(side)) {
          Path file = results.resolve(artifact.path("path").asText());
          assertThat(artifact.path("sha256").asText()).as(file.toString()).isEqualTo(Digests.sha256(file));
          assertThat(artifact.path("bytes").asLong()).isEqualTo(Files.size(file));
        }
      }
    }
    assertThat(Json.read(one("manifests", "discover")).path("versions").path("dtype").asText()).isEqualTo("float32");
  }

  @Test
  void noFileHoldsTheToken() throws IOException {
    try (Stream<Path> files = Files.walk(results)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1)).as(file.toString()).doesNotContain(TOKEN);
      }
    }
    assertThat(first.out() + first.err()).doesNotContain(TOKEN);

    Cli asked =
        Cli.run(
            ENVIRONMENT,
            List.of("collect", "--model", model.toString(), "--set", "inference.system_prompt=$HF_TOKEN", "--dry-run"));
    assertThat(asked.code()).isEqualTo(78);
    assertThat(asked.out()).isEmpty();
    assertThat(asked.err()).contains("$HF_TOKEN looks like a secret").doesNotContain(TOKEN);
  }

  /** {@code {}}: an object without what is needed; {@code half}: the first half of the file. */
  @ParameterizedTest
  @CsvSource({
    "train-saes, activations/small_deception_activations.safetensors, half",
    "train-saes, activations/small_deception_activations.safetensors, empty",
    "train-saes, model_outputs/small_deception_outputs.json, half",
    "train-saes, model_outputs/small_deception_outputs.json, {}",
    "train-saes, splits.json, half",
    "train-saes, splits.json, {}",
    "discover, model_outputs/small_collect.json, empty",
    "discover, model_outputs/small_collect.json, half",
    "discover, saes/small/residuals_2/cfg.json, half",
    "discover, saes/small/residuals_2/cfg.json, {}",
    "discover, saes/small/residuals_2/sae_weights.safetensors, half",
    "discover, saes/small/residuals_2/metrics.json, {}",
    "analyze, circuits/small_deception_toxic_circuit.json, half",
    "analyze, circuits/small_deception_toxic_circuit.json, {}",
    "stats, attributions/small_deception.safetensors, half",
    "stats, attributions/small_readout.safetensors, empty",
    "stats, evaluation/small_transfer.json, half",
    "stats, evaluation/small_transfer.json, empty",
    "report, evaluation_stats/small_stats.json, half",
    "report, evaluation_stats/small_stats.json, {}",
    "report, similarity/small_similarity.json, empty",
    "report, evaluation/small_deception_metrics.json, empty",
  })
  void aDamagedFileIsOneLineWithItsNameAndWhatToDo(String stage, String name, String damage) throws IOException {
    Path file = results.resolve(name);
    byte[] sound = Files.readAllBytes(file);
    Files.write(
        file,
        switch (damage) {
          case "half" -> Arrays.copyOf(sound, sound.length / 2);
          case "empty" -> new byte[0];
          default -> damage.getBytes(StandardCharsets.UTF_8);
        });
    try {
      Cli ran = stage(stage);

      assertThat(ran.code()).as(ran.err()).isEqualTo(65);
      assertThat(ran.complaint()).as(ran.err()).hasSizeBetween(1, 2);
      assertThat(ran.complaint().get(0)).contains(file.getFileName().toString());
      assertThat(ran.err()).doesNotContain("Exception", "org.refusal");
      assertThat(ran.out()).isEmpty();
    } finally {
      Files.write(file, sound);
    }
  }

  @Test
  void aDamagedManifestProvesNothing() throws IOException {
    Path manifest = one("manifests", "analyze-data-");
    String sound = Files.readString(manifest);
    Files.writeString(manifest, sound.substring(0, sound.length() / 2));

    Cli status = stage("status");
    assertThat(status.code()).isEqualTo(65);
    assertThat(status.complaint()).hasSize(2);
    assertThat(status.complaint().get(1)).contains("delete this manifest");

    Cli again = Cli.run(Map.of(), Cli.pipeline(model, results));
    assertThat(again.code()).as(again.err()).isZero();
    assertThat(again.err())
        .contains("warning: " + manifest, "it proves nothing, so the stage runs again", "analyze-data: done in")
        .contains("collect: up to date", "report: up to date");
    assertThat(Json.read(manifest).path("outputs")).isEqualTo(Json.mapper().readTree(sound).path("outputs"));
  }

  @Test
  void damagedMemoryOfDigestsIsMadeAnew() throws IOException {
    Files.writeString(results.resolve("manifests").resolve("digests.json"), "{\"half");

    Cli again = Cli.run(Map.of(), Cli.pipeline(model, results));

    assertThat(again.code()).as(again.err()).isZero();
    assertThat(again.err().lines().filter(line -> line.contains("up to date"))).hasSize(8);
  }

  @Test
  void aDryRunShowsConfigAndPlanAndTouchesNothing() {
    Path nowhere = results.resolveSibling("nowhere");
    for (String stage : List.of("train-saes", "discover", "analyze", "evaluate", "stats")) {
      Cli dry = Cli.run(stage, "--model", model.toString(), "--results-dir", nowhere.toString(), "--dry-run");
      assertThat(dry.code()).as(stage + dry.err()).isZero();
      assertThat(dry.out()).startsWith("{").contains("\"model\"");
      assertThat(dry.err()).contains(stage + " cannot run yet: ").contains("and write below " + nowhere);
    }
    Cli collect =
        Cli.run(
            "collect", "--model", "some/model", "--dataset-dir", model.toString(), "--results-dir", nowhere.toString(), "--dry-run");
    assertThat(collect.code()).isZero();
    assertThat(collect.err()).contains("collect cannot run yet: model 'some/model' is not here");
    assertThat(stage("stats", "--dry-run").err()).contains("stats would read:").contains("small_transfer.json");

    List<String> whole = new ArrayList<>(Cli.pipeline(model, nowhere));
    whole.add("--dry-run");
    Cli run = Cli.run(Map.of(), whole);
    assertThat(run.code()).isZero();
    assertThat(run.err()).contains("analyze-data: would read 3 files", "stats: cannot run yet: ");
    assertThat(nowhere).doesNotExist();
  }

  @Test
  void explainOfTheWholePipelineRunsNothing() {
    List<String> arguments = new ArrayList<>(Cli.pipeline(model, results));
    arguments.addAll(List.of("--explain", "--set", "stats.stats.bootstrap=51"));

    Cli ran = Cli.run(Map.of(), arguments);

    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out()).contains("collect: collect is up to date", "stats: config stats.bootstrap: 50, now 51");
    assertThat(ran.err()).doesNotContain("done in");
  }

  @Test
  void nothingHalfWrittenIsLeft() throws IOException {
    try (Stream<Path> files = Files.walk(results)) {
      assertThat(files.map(Path::toString).filter(file -> file.endsWith(AtomicFiles.PARTIAL_SUFFIX))).isEmpty();
    }
    assertThat(results.resolve(".work").resolve("collect")).doesNotExist();
  }
}
