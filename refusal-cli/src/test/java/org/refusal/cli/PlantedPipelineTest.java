package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.base.Digests;
import org.refusal.data.Category;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.io.Json;

/** The whole pipeline on models whose truth is known. */
@Tag("slow")
class PlantedPipelineTest {
  private static final Path CONFIG = Path.of("..", "configs", "pipeline", "planted.yaml");

  @TempDir Path folder;

  private static int run(StringWriter out, StringWriter err, String... arguments) {
    return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), Map.of(), arguments);
  }

  @ParameterizedTest
  @CsvSource({"monolithic, MONOLITHIC", "modular, MODULAR", "mixed, MIXED", "none, INCONCLUSIVE"})
  void theDemoFindsWhatWasPlanted(String kind, String answer) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();

    int code = run(out, err, "demo", "--kind", kind, "--seed", "7", "--output-dir", folder.toString(), "--quiet");

    assertThat(out.toString())
        .as(err.toString())
        .contains("%s truth: %s found: %s".formatted(kind, answer, answer))
        .contains("verdict: " + answer);
    assertThat(code).isZero();
    Path results = folder.resolve(kind).resolve("results");
    assertThat(results.resolve("reports").resolve(kind + "_report.pdf")).isNotEmptyFile();
    assertThat(results.resolve("evaluation_stats").resolve(kind + "_stats.json")).isNotEmptyFile();
    assertThat(folder.resolve(kind).resolve("model.safetensors")).as("without --keep").doesNotExist();
  }

  @Test
  void theVerdictHoldsOverAutoencoderSeeds() {
    Path model = folder.resolve("planted");
    PlantedModel.write(
        new PlantedSpec(PlantedKind.MONOLITHIC, 9, 0, Category.OR_BENCH.subList(0, 2), 30, 30, 0.01, 0), model);
    Path results = folder.resolve("seeds");
    List<String> arguments = new ArrayList<>(arguments(model, results));
    arguments.addAll(
        List.of("--set", "seeds=[1, 2, 3]", "--set", "evaluate.evaluation.curve_prompts=1", "--set",
            "train-saes.training.max_steps=300", "-q"));
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();

    int code = run(out, err, arguments.toArray(String[]::new));

    assertThat(code).as(err.toString()).isZero();
    assertThat(out.toString())
        .contains("SAE seed 2: verdict: MONOLITHIC", "SAE seed 3: verdict: MONOLITHIC")
        .contains("the same answer with 3 sets of autoencoders (seeds 1, 2 and 3)");
    assertThat(out.toString().lines().filter(line -> line.startsWith("verdict: "))).containsExactly("verdict: MONOLITHIC");
    JsonNode stats = Json.read(results.resolve("evaluation_stats").resolve("planted_stats.json"));
    assertThat(stats.at("/by_sae_seed/3/answer").asText()).isEqualTo("MONOLITHIC");
    assertThat(stats.at("/by_sae_seed/1/profile")).as("other autoencoders").isNotEqualTo(stats.at("/by_sae_seed/2/profile"));
  }

  @Test
  void aSeriesCountsAnswersAndGoesOnWhereItStopped() throws Exception {
    String[] arguments = {
      "calibrate", "--planted", "--kinds", "none", "--variants", "few", "--seeds", "1", "--categories", "2",
      "--output", folder.toString()
    };
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();

    assertThat(run(out, err, arguments)).as(err.toString()).isZero();

    assertThat(out.toString()).contains("| none | few | 2 x 20 | 1 | INCONCLUSIVE | 1 | 0 | 0 |");
    assertThat(err.toString()).contains("1/1 none-few-2x36-1000: right answer INCONCLUSIVE, found INCONCLUSIVE");
    assertThat(folder.resolve("planted.json")).isNotEmptyFile();
    assertThat(folder.resolve("work")).as("only the answers stay").doesNotExist();
    StringWriter again = new StringWriter();
    StringWriter silent = new StringWriter();
    assertThat(run(again, silent, arguments)).isZero();
    assertThat(silent.toString()).as("a finished model is not run again").doesNotContain("1/1");
    assertThat(again.toString()).isEqualTo(out.toString());
  }

  @Test
  void aGradedDemoSaysWhichAnswerItsShareMakesRight() {
    for (Map.Entry<String, String> truth : Map.of("0.4", "MODULAR", "0.6", "GRADED", "0.9", "MONOLITHIC").entrySet()) {
      StringWriter out = new StringWriter();
      assertThat(run(out, new StringWriter(), "demo", "--kind", "graded", "--share", truth.getKey(), "--dry-run")).isZero();
      assertThat(out.toString()).contains("would plant a graded model (truth " + truth.getValue());
    }
  }

  @Test
  void aSeriesRefusesWhatCannotBeMeant() {
    StringWriter err = new StringWriter();
    assertThat(run(new StringWriter(), err, "calibrate", "--planted", "--first-seed", "7")).isEqualTo(2);
    assertThat(err.toString()).contains("--first-seed: 7 is below 1000");
    err = new StringWriter();
    assertThat(run(new StringWriter(), err, "calibrate", "--simulations", "0")).isEqualTo(2);
    assertThat(err.toString()).contains("--simulations: 0 is less than 1");
    err = new StringWriter();
    assertThat(run(new StringWriter(), err, "calibrate", "--planted", "--simulations", "7")).isEqualTo(2);
    assertThat(err.toString()).contains("--simulations has no effect with --planted");
    err = new StringWriter();
    assertThat(run(new StringWriter(), err, "calibrate", "--seeds", "7")).isEqualTo(2);
    assertThat(err.toString()).contains("--seeds needs --planted");
    err = new StringWriter();
    assertThat(run(new StringWriter(), err, "calibrate", "--planted", "--categories", "11")).isEqualTo(2);
    assertThat(err.toString()).contains("--categories: 11 is not within 2 to 10");
    err = new StringWriter();
    assertThat(run(new StringWriter(), err, "calibrate", "--planted", "--shares", "0.2,half")).isEqualTo(2);
    assertThat(err.toString()).contains("--shares: 'half' is no number");
    err = new StringWriter();
    assertThat(run(new StringWriter(), err, "demo", "--kind", "modular", "--share", "0.4")).isEqualTo(2);
    assertThat(err.toString()).contains("--share needs --kind graded");
    err = new StringWriter();
    assertThat(run(new StringWriter(), err, "calibrate", "--planted", "--variants", "leaky")).isEqualTo(2);
    assertThat(err.toString()).contains("'leaky' is no variant");
  }

  private static final List<Category> FOUR = Category.OR_BENCH.subList(0, 4);

  private Path planted() {
    Path model = folder.resolve("planted");
    PlantedModel.write(new PlantedSpec(PlantedKind.MODULAR, 9, 0, FOUR, 12, 12, 0.01, 0), model);
    return model;
  }

  private static List<String> arguments(Path model, Path results) {
    return List.of(
        "run", "--config", CONFIG.toString(), "--model", model.toString(), "--dataset-dir", model.toString(),
        "--results-dir", results.toString(), "--set", "train-saes.training.max_steps=120",
        "--set", "train-saes.training.checkpoint_every=20", "--set", "evaluate.evaluation.curve_sizes=3",
        "--set", "stats.stats.permutations=100", "--set", "stats.stats.bootstrap=100");
  }

  /** SHA-256 of every file that a run is answerable for: all but the manifests, which hold times. */
  private static Map<String, String> digests(Path results) throws IOException {
    Map<String, String> digests = new TreeMap<>();
    try (Stream<Path> files = Files.walk(results)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = results.relativize(file).toString();
        if (!name.startsWith("manifests") && !name.equals(".lock")) {
          digests.put(name, Digests.sha256(file));
        }
      }
    }
    return digests;
  }

  @Test
  void killedAnywhereAndRunAgainItEndsInTheSameBytes() throws Exception {
    Path model = planted();
    Path undisturbed = folder.resolve("undisturbed");
    StringWriter err = new StringWriter();
    long started = System.currentTimeMillis();
    int code = run(new StringWriter(), err, arguments(model, undisturbed).toArray(String[]::new));
    long duration = System.currentTimeMillis() - started;
    assertThat(code).as(err.toString()).isZero();

    Path killed = folder.resolve("killed");
    int kills = 0;
    for (int attempt = 1; ; attempt++) {
      Process process = start(model, killed);
      long patience = Math.max(1500, duration * attempt / 9);
      if (process.waitFor(patience, TimeUnit.MILLISECONDS)) {
        assertThat(process.exitValue()).as(Files.readString(folder.resolve("log"))).isZero();
        break;
      }
      process.destroyForcibly().waitFor();
      kills++;
      assertThat(attempt).as("attempts").isLessThan(40);
    }

    assertThat(kills).as("times killed").isGreaterThan(0);
    assertThat(digests(killed)).isEqualTo(digests(undisturbed));
  }

  private Process start(Path model, Path results) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx1500m", "-XX:+UseSerialGC", "-cp", System.getProperty("java.class.path")));
    command.add(Main.class.getName());
    command.addAll(arguments(model, results));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.to(folder.resolve("log").toFile()))
        .start();
  }

  @Test
  void threadsAndBatchesDoNotChangeTheAnswer() throws Exception {
    Path model = planted();
    StringWriter first = new StringWriter();
    StringWriter second = new StringWriter();
    List<String> one = new ArrayList<>(arguments(model, folder.resolve("one")));
    List<String> other = new ArrayList<>(arguments(model, folder.resolve("other")));
    one.addAll(List.of("--threads", "1", "--set", "collect.inference.batch_size=7", "-q"));
    other.addAll(List.of("--threads", "2", "-q"));

    assertThat(run(first, new StringWriter(), one.toArray(String[]::new))).isZero();
    assertThat(run(second, new StringWriter(), other.toArray(String[]::new))).isZero();

    String answer = first.toString().lines().filter(line -> line.startsWith("verdict: ")).findFirst().orElseThrow();
    assertThat(second.toString()).contains(answer);
  }

  /** The types of models on GPUs, here on the CPU: DJL has no name for bfloat16, and no stage may ask for it. */
  @ParameterizedTest
  @CsvSource({"bfloat16", "float16"})
  void halfTypesGoThroughEveryStage(String type) throws Exception {
    StringWriter err = new StringWriter();
    List<String> arguments = new ArrayList<>(arguments(planted(), folder.resolve("results")));
    arguments.addAll(
        List.of(
            "--set", "model.torch_dtype=" + type, "--set", "evaluate.evaluation.behaviour_prompts=1",
            "--set", "train-saes.training.ce_prompts=4", "-q"));
    StringWriter out = new StringWriter();

    assertThat(run(out, err, arguments.toArray(String[]::new))).as(err.toString()).isZero();

    assertThat(out.toString()).containsPattern("(?m)^verdict: [A-Z]+");
    try (Stream<Path> manifests = Files.list(folder.resolve("results/manifests"))) {
      List<String> types =
          manifests.map(file -> Json.read(file).path("versions").path("dtype").asText()).filter(text -> !text.isEmpty()).toList();
      assertThat(types).as("of collect, train-saes, discover and evaluate").containsOnly(type).hasSize(4);
    }
  }
}
