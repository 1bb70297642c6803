package org.refusal.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;
import org.refusal.Goldens;
import org.refusal.io.Json;

/** Against what the earlier project's significance function returned. */
class LegacySignificanceGoldenTest {
  private static final double TOLERANCE = 1e-9;

  private double worst;

  @Test
  void cases() {
    JsonNode file = Json.read(Goldens.folder("reference").resolve("significance/cases.json"));
    int seen = 0;
    for (JsonNode item : file.get("cases")) {
      if (item.get("rounding_decides").booleanValue()) {
        continue;
      }
      JsonNode list = file.get("score_lists").get(item.get("scores").asText());
      double[] scores = new double[list.size()];
      for (int i = 0; i < scores.length; i++) {
        scores[i] = list.get(i).doubleValue();
      }
      compare(
          LegacySignificance.of(item.get("observed").doubleValue(), scores, item.get("two_sided").booleanValue()),
          item.get("result"),
          item.get("name").asText());
      seen++;
    }
    assertThat(seen).isPositive();
    JsonNode empty = file.get("empty_list");
    compare(
        LegacySignificance.of(empty.get("observed").doubleValue(), new double[0], true), empty, "empty list");
    System.out.printf("legacy significance: %d cases, largest relative deviation %.1e%n", seen + 1, worst);
  }

  private void compare(LegacySignificance found, JsonNode expected, String name) {
    close(found.observed(), expected.get("observed"), name);
    close(found.randomMean(), expected.get("random_mean"), name);
    close(found.randomStd(), expected.get("random_std"), name);
    close(found.zScore(), expected.get("z_score"), name);
    close(found.pValue(), expected.get("p_value"), name);
    close(found.pValueEmpirical(), expected.get("p_value_empirical"), name);
    close(found.pValueNormal(), expected.get("p_value_normal"), name);
    close(found.low(), expected.get("ci_lower"), name);
    close(found.high(), expected.get("ci_upper"), name);
    assertThat(found.permutations()).isEqualTo(expected.get("n_permutations").intValue());
    assertThat(found.twoSided()).isEqualTo(expected.get("test_type").asText().equals("two_sided"));
    close(found.pValue(), expected.get(found.twoSided() ? "p_value_two_sided" : "p_value_one_sided"), name);
  }

  private void close(double found, JsonNode expected, String name) {
    if (expected.isTextual()) {
      assertThat(found).as(name).isEqualTo(Double.valueOf(expected.asText()));
      return;
    }
    double value = expected.doubleValue();
    double scale = Math.max(1e-3, Math.abs(value));
    worst = Math.max(worst, Math.abs(found - value) / scale);
    assertThat(found).as(name).isCloseTo(value, within(TOLERANCE * scale));
  }
}
