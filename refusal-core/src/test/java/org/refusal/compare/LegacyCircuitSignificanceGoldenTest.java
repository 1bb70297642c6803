package org.refusal.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.refusal.Goldens;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.stats.LegacySignificance;

/** Against the original's null of a circuit and random ones: its moments, within sampling error of both sides. */
class LegacyCircuitSignificanceGoldenTest {
  private static final double STANDARD_ERRORS = 5;

  @Test
  void theNullHasTheOriginalsMoments() {
    Path reference = Goldens.folder("reference");
    JsonNode expected = Json.read(reference.resolve("significance/toxic_circuits_stats.json"));
    JsonNode circuits = Json.read(reference.resolve("similarity/analyze_inputs.json"))
        .path("analyze_sized_separate").path("toxic");
    int draws = expected.path("n_permutations").asInt();
    int latents = expected.path("sae_hidden_dim").asInt();
    assertThat(expected.path("stats_by_category")).isNotEmpty();
    expected.path("stats_by_category").fields().forEachRemaining(field -> {
      String name = circuits.path(field.getKey()).asText();
      Circuit circuit = CircuitJson.read(reference.resolve("similarity/circuits").resolve(name + ".json")).circuit();
      assertThat(circuit.nodes()).as(name).hasSize(field.getValue().path("n_nodes_in_circuit").asInt());
      Map<HookPoint, Integer> perPoint = new TreeMap<>();
      circuit.nodes().forEach(scored -> perPoint.merge(scored.node().at(), 1, Integer::sum));
      LegacySignificance found =
          LegacyCircuitSignificance.of(LegacyCircuit.of(circuit), perPoint, latents, draws, new SplittableRandom(5));
      double mean = field.getValue().path("random_mean").asDouble();
      double deviation = field.getValue().path("random_std").asDouble();
      double error = deviation * Math.sqrt(2.0 / draws);
      assertThat(found.randomMean()).as(name + " mean").isCloseTo(mean, within(STANDARD_ERRORS * error));
      assertThat(found.randomStd()).as(name + " deviation").isCloseTo(deviation, within(.15 * deviation));
      assertThat(found.pValue()).isBetween(1.0 / (draws + 1), 1.0);
      System.out.printf(
          "legacy significance of %s: mean %.6f (%.6f), deviation %.6f (%.6f)%n",
          name, found.randomMean(), mean, found.randomStd(), deviation);
    });
  }
}
