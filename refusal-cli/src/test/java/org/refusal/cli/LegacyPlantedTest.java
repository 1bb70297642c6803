package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.circuit.CircuitJson;
import org.refusal.data.Category;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.io.Json;

/** The original's workflow in one command, on a planted model: its files, and that every number says what it is. */
@Tag("slow")
class LegacyPlantedTest {
  private static final List<Category> THREE = Category.OR_BENCH.subList(0, 3);

  @TempDir Path folder;

  private static String run(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), Map.of(), arguments);
    assertThat(code).as(err.toString()).isZero();
    return out.toString();
  }

  @Test
  void everyLegacyNumberIsThereAndMarked() throws IOException {
    Path model = folder.resolve("planted");
    PlantedModel.write(new PlantedSpec(PlantedKind.MODULAR, 9, 0, THREE, 12, 12, 0.01, 0), model);
    Path results = folder.resolve("results");

    String out =
        run(
            "run", "--config", Path.of("..", "configs", "pipeline", "legacy_planted.yaml").toString(), "--model",
            model.toString(), "--dataset-dir", model.toString(), "--results-dir", results.toString(), "-q",
            "--set", "collect.inference.detector=legacy", "--set", "train-saes.training.epochs=4",
            "--set", "stats.stats.permutations=100", "--set", "report.report.format=markdown");

    assertThat(out)
        .contains("verdict: INCONCLUSIVE")
        .contains(
            "legacy (definitions of the original project are on): inference.positions: last_generated,"
                + " inference.detector: legacy")
        .contains("sae.variant: legacy")
        .contains("circuit.attribution_method: stats (the original project's correlations")
        .contains("evaluation.legacy (the original project's clamped scores")
        .contains("stats.legacy (significance of the original project");
    circuitsOpenInTheOldTools(results);
    JsonNode collect = Json.read(results.resolve("model_outputs/planted_collect.json"));
    assertThat(collect.path("legacy").toString()).contains("inference.detector: legacy");
    JsonNode stats = Json.read(results.resolve("evaluation_stats/planted_stats.json"));
    assertThat(stats.path("legacy").path("definition").asText()).isEqualTo("legacy");
    assertThat(stats.path("legacy").path("stats_by_category")).hasSize(3);
    for (Category category : THREE) {
      JsonNode scores = Json.read(results.resolve("evaluation/planted_" + category.name() + "_legacy.json"));
      assertThat(scores.path("definition").asText()).isEqualTo("legacy");
      assertThat(scores.path("faithfulness").asDouble()).isBetween(0.0, 1.0);
      assertThat(scores.path("completeness").asDouble()).isBetween(0.0, 1.0);
    }
    assertThat(Json.read(results.resolve("saes/planted/residuals_2/metrics.json")).path("variant").asText())
        .isEqualTo("legacy");
    JsonNode similarity = Json.read(results.resolve("similarity/planted_similarity.json"));
    assertThat(similarity.path("equalized_to").asInt()).isPositive();
    assertThat(similarity.path("groups").path("toxic_toxic").path("measures").has("legacy")).isTrue();
    String report = Files.readString(results.resolve("reports/planted_report.md"));
    assertThat(report)
        .contains("## Legacy numbers")
        .contains("for comparison with its results only")
        .contains("circuit.attribution\\_method: stats")
        .contains("sae.variant: legacy")
        .contains("### Legacy significance (stats.legacy)")
        .contains("### Legacy scores (evaluation.legacy)");
    exports(results);
  }

  /** The old loader makes a node's id of its fields, and keeps an edge only where both its ends are nodes. */
  private static void circuitsOpenInTheOldTools(Path results) throws IOException {
    try (Stream<Path> files = Files.list(results.resolve("circuits"))) {
      List<Path> circuits = files.sorted().toList();
      assertThat(circuits)
          .extracting(file -> file.getFileName().toString())
          .containsExactlyInAnyOrderElementsOf(
              THREE.stream()
                  .flatMap(c -> Stream.of("planted_" + c.name() + "_safe_circuit.json", "planted_" + c.name() + "_toxic_circuit.json"))
                  .toList());
      for (Path file : circuits) {
        JsonNode json = Json.read(file);
        assertThat(json.path("metadata").path("definition").asText()).isEqualTo("legacy");
        assertThat(json.path("nodes")).isNotEmpty();
        json.path("nodes").fields().forEachRemaining(field -> {
          JsonNode node = field.getValue();
          assertThat(field.getKey())
              .isEqualTo(
                  node.path("type").asText() + "_" + node.path("layer").asInt() + "_" + node.path("position").asInt()
                      + "_" + Integer.parseInt(node.path("feature_id").asText()));
          assertThat(node.path("importance").isNumber()).isTrue();
        });
        json.path("edges").fields().forEachRemaining(field -> {
          JsonNode edge = field.getValue();
          assertThat(field.getKey()).isEqualTo(edge.path("source").asText() + "_" + edge.path("target").asText());
          assertThat(json.path("nodes").has(edge.path("source").asText())).isTrue();
          assertThat(json.path("nodes").has(edge.path("target").asText())).isTrue();
        });
      }
    }
  }

  private void exports(Path results) throws IOException {
    Path circuits = folder.resolve("exported");
    String said =
        run("export", "circuits", "--model", "planted", "--results-dir", results.toString(), "--format", "original",
            "--output-dir", circuits.toString());
    assertThat(said.lines()).hasSize(6).allMatch(line -> line.endsWith("0 error nodes left out"));
    String name = "planted_" + THREE.get(0).name() + "_toxic_circuit.json";
    assertThat(Files.readString(circuits.resolve(name)))
        .isEqualTo(CircuitJson.originalText(CircuitJson.read(results.resolve("circuits").resolve(name)).circuit()));

    Path saes = folder.resolve("sparsify");
    run("export", "saes", "--model", "planted", "--results-dir", results.toString(), "--format", "sparsify",
        "--output-dir", saes.toString(), "--hook-points", "residuals_2-3");
    Path back = folder.resolve("back");
    run("import", saes.resolve("layers.2").toString(), "--model", "planted", "--hook-point", "residuals_2",
        "--results-dir", back.toString());
    assertThat(back.resolve("saes/planted/residuals_2/sae_weights.safetensors"))
        .hasSameBinaryContentAs(results.resolve("saes/planted/residuals_2/sae_weights.safetensors"));

    Path arrays = folder.resolve("arrays");
    String category = THREE.get(0).name();
    for (String format : List.of("npy", "safetensors")) {
      run("export", "activations", "--model", "planted", "--results-dir", results.toString(), "--format", format,
          "--output-dir", arrays.toString(), "--hook-points", "residuals_2", "--categories", category);
    }
    byte[] npy = Files.readAllBytes(arrays.resolve("residuals_2").resolve(category + ".npy"));
    String header = new String(npy, 10, 118, java.nio.charset.StandardCharsets.US_ASCII);
    int rows = 24;
    int width = Json.read(folder.resolve("planted/config.json")).path("hidden_size").asInt();
    assertThat(header).startsWith(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }".formatted(rows, width)).endsWith("\n");
    assertThat(npy).hasSize(128 + rows * width * 4);
    byte[] tensors = Files.readAllBytes(arrays.resolve("residuals_2").resolve(category + ".safetensors"));
    byte[] data = Arrays.copyOfRange(npy, 128, npy.length);
    assertThat(indexOf(tensors, data)).as("the same rows in the safetensors file").isPositive();
  }

  private static int indexOf(byte[] all, byte[] part) {
    for (int at = 0; at + part.length <= all.length; at++) {
      if (Arrays.equals(all, at, at + part.length, part, 0, part.length)) {
        return at;
      }
    }
    return -1;
  }

  @Test
  void aMistakeIsOneLineAndLeavesNothing() {
    for (List<String> wrong :
        List.of(
            List.of("export", "saes", "--model", "m", "--format", "sparsfy", "--output-dir", "o"),
            List.of("export", "everything", "--model", "m", "--format", "npy", "--output-dir", "o"),
            List.of("import", "nowhere.pt", "--model", "m"))) {
      StringWriter err = new StringWriter();
      List<String> arguments = new ArrayList<>(wrong);
      int code =
          Main.run(new PrintWriter(new StringWriter()), new PrintWriter(err, true), Map.of(), arguments.toArray(String[]::new));
      assertThat(code).as(err.toString()).isIn(2, 65);
      assertThat(err.toString()).startsWith("refusal: error: ").doesNotContain("Exception");
      assertThat(Path.of("o")).doesNotExist();
    }
  }
}
