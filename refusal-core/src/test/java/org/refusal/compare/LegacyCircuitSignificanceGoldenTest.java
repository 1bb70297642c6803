package org.refusal.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;
import org.refusal.Goldens;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.stats.LegacySignificance;

/** Against the original's nulls of a circuit and random ones: their moments, within sampling error of both sides. */
class LegacyCircuitSignificanceGoldenTest {
  private static final double STANDARD_ERRORS = 5;

  private final Path reference = Goldens.folder("reference");

  private Circuit circuit(String name) {
    return CircuitJson.read(reference.resolve("similarity/circuits").resolve(name + ".json")).circuit();
  }

  @Test
  void theNullHasTheOriginalsMoments() {
    JsonNode expected = Json.read(reference.resolve("significance/toxic_circuits_stats.json"));
    JsonNode circuits = Json.read(reference.resolve("similarity/analyze_inputs.json"))
        .path("analyze_sized_separate").path("toxic");
    int draws = expected.path("n_permutations").asInt();
    int latents = expected.path("sae_hidden_dim").asInt();
    assertThat(expected.path("stats_by_category")).isNotEmpty();
    expected.path("stats_by_category").fields().forEachRemaining(field -> {
      String name = circuits.path(field.getKey()).asText();
      Circuit circuit = circuit(name);
      LegacyCircuit legacy = LegacyCircuit.of(circuit);
      Map<HookPoint, Integer> perPoint = LegacyCircuitSignificance.perPoint(circuit);
      assertThat(circuit.nodes()).as(name).hasSize(field.getValue().path("n_nodes_in_circuit").asInt());
      LegacySignificance found =
          LegacyCircuitSignificance.of(legacy, perPoint, latents, draws, new SplittableRandom(5));
      assertThat(found.pValue()).isBetween(1.0 / (draws + 1), 1.0);
      SplittableRandom random = new SplittableRandom(6);
      compare(
          name, draws, field.getValue().path("random_mean").asDouble(), field.getValue().path("random_std").asDouble(),
          () -> LegacySimilarity.of(legacy, LegacyCircuitSignificance.random(perPoint, latents, random)));
    });
  }

  @Test
  void theNullOfTwoRandomCircuitsToo() {
    JsonNode expected = Json.read(reference.resolve("significance/random_pairs_null_moments.json"));
    assertThat(expected).isNotEmpty();
    expected.fields().forEachRemaining(field -> {
      Map<HookPoint, Integer> perPoint = LegacyCircuitSignificance.perPoint(circuit(field.getKey()));
      int latents = field.getValue().path("max_feature_id").asInt();
      SplittableRandom random = new SplittableRandom(7);
      compare(
          "two random circuits like " + field.getKey(), field.getValue().path("permutations").asInt(),
          field.getValue().path("mean").asDouble(), field.getValue().path("std").asDouble(),
          () -> LegacySimilarity.of(
              LegacyCircuitSignificance.random(perPoint, latents, random),
              LegacyCircuitSignificance.random(perPoint, latents, random)));
    });
  }

  @Test
  void randomCircuitsFollowTheHundredMostImportantNodes() {
    Circuit alpha = circuit("alpha");
    Map<HookPoint, Integer> perPoint = LegacyCircuitSignificance.perPoint(alpha);

    assertThat(perPoint.values().stream().mapToInt(Integer::intValue).sum())
        .isEqualTo(Math.min(100, alpha.nodes().size()));
    LegacyCircuit random = LegacyCircuitSignificance.random(perPoint, 5000, new SplittableRandom(1));
    assertThat(random.edges()).isEqualTo(List.of());
    assertThat(random.nodes().values()).containsOnly(1.0).hasSize(Math.min(100, alpha.nodes().size()));
  }

  /**
   * Draws as many as the original did; the standard errors of the two means and of the two deviations come from the drawn
   * values' own second and fourth moments, so that any size of circuit will do.
   */
  private static void compare(String name, int draws, double mean, double deviation, DoubleSupplier draw) {
    double[] values = new double[draws];
    double sum = 0;
    for (int i = 0; i < draws; i++) {
      values[i] = draw.getAsDouble();
      sum += values[i];
    }
    double found = sum / draws;
    double squares = 0;
    double fourths = 0;
    for (double value : values) {
      squares += Math.pow(value - found, 2);
      fourths += Math.pow(value - found, 4);
    }
    double foundDeviation = Math.sqrt(squares / draws);
    double kurtosis = squares == 0 ? 1 : fourths / draws / Math.pow(squares / draws, 2);
    double errorOfMean = Math.max(foundDeviation, deviation) * Math.sqrt(2.0 / draws);
    double errorOfDeviation = foundDeviation * Math.sqrt(Math.max(2, kurtosis - 1) / 4 * 2 / draws);
    System.out.printf(
        "legacy significance of %s: mean %.6f (%.6f), deviation %.6f (%.6f); %.1f and %.1f standard errors apart%n",
        name, found, mean, foundDeviation, deviation, Math.abs(found - mean) / errorOfMean,
        Math.abs(foundDeviation - deviation) / errorOfDeviation);
    assertThat(found).as(name + " mean").isCloseTo(mean, within(STANDARD_ERRORS * errorOfMean + 1e-12));
    assertThat(foundDeviation).as(name + " deviation")
        .isCloseTo(deviation, within(STANDARD_ERRORS * errorOfDeviation + 1e-12));
  }
}
