package org.refusal.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.refusal.Goldens;
import org.refusal.io.Json;

/** Against what the earlier project computed, quirks included. */
class LegacySimilarityGoldenTest {
  private static final double TOLERANCE = 1e-12;

  private final Path folder = Goldens.folder("reference").resolve("similarity");
  private double worst;

  @Test
  void groups() {
    JsonNode groups = Json.read(folder.resolve("similarity.json"));
    assertThat(groups).isNotEmpty();
    groups.fields().forEachRemaining(group -> {
      Map<String, LegacyCircuit> circuits = new LinkedHashMap<>();
      for (JsonNode name : group.getValue().get("circuits")) {
        circuits.put(name.asText(), read(folder.resolve("circuits").resolve(name.asText() + ".json")));
      }
      JsonNode expected = group.getValue();
      circuits.forEach((name, circuit) -> {
        assertThat(circuit.nodes()).hasSize(expected.at("/sizes/" + name + "/0").intValue());
        assertThat(circuit.edges()).hasSize(expected.at("/sizes/" + name + "/1").intValue());
        close(LegacySimilarity.of(circuit, circuit), expected.get("self_similarity_by_formula").get(name));
      });
      compare(LegacySimilarity.matrix(circuits), expected.get("before"));
      Map<String, LegacyCircuit> equalized = LegacyCircuit.equalized(circuits);
      compare(LegacySimilarity.matrix(equalized), expected.get("after_equalize"));
      expected.fields().forEachRemaining(field -> {
        if (field.getKey().startsWith("after_equalize_to_")) {
          int size = Integer.parseInt(field.getKey().substring("after_equalize_to_".length()));
          compare(LegacySimilarity.matrix(LegacyCircuit.equalizedTo(circuits, size)), field.getValue());
        }
      });
      equalized.forEach((name, circuit) -> {
        JsonNode kept = expected.get("equalized").get(name);
        List<String> order = new ArrayList<>();
        kept.get("nodes_in_order").forEach(id -> order.add(id.asText()));
        assertThat(circuit.nodes().keySet()).containsExactlyElementsOf(order);
        assertThat(order).hasSize(expected.get("equalized_to").intValue());
        Set<List<String>> pairs =
            circuit.edges().stream().map(e -> List.of(e.source(), e.target())).collect(Collectors.toSet());
        List<List<String>> expectedPairs = new ArrayList<>();
        kept.get("edges").forEach(e -> expectedPairs.add(List.of(e.get(0).asText(), e.get(1).asText())));
        assertThat(pairs).containsExactlyInAnyOrderElementsOf(expectedPairs);
      });
    });
    System.out.printf("legacy similarity: largest deviation %.1e%n", worst);
  }

  @Test
  void analyses() throws IOException {
    JsonNode inputs = Json.read(folder.resolve("analyze_inputs.json"));
    int seen = 0;
    try (Stream<Path> cases = Files.list(folder).filter(Files::isDirectory).sorted()) {
      for (Path analysis : cases.toList()) {
        String name = analysis.getFileName().toString();
        if (name.startsWith("analyze_")) {
          analysis(inputs, name, Files.readString(analysis.resolve("modularity_analysis.json")));
          seen++;
        }
      }
    }
    assertThat(seen).isPositive();
    System.out.printf("legacy analysis: %d cases, largest deviation %.1e%n", seen, worst);
  }

  private void analysis(JsonNode inputs, String name, String text) throws IOException {
    JsonNode expected = Json.mapper().readTree(text.replace(": NaN", ": \"NaN\""));
    JsonNode input = inputs.get(name);
    boolean equalized = !name.endsWith("not_equalized");
    Map<String, Map<String, LegacyCircuit>> sides = new LinkedHashMap<>();
    if (input.isTextual()) {
      sides.putAll(ofFolder(Goldens.folder("reference").resolve(input.asText().split(",")[0])));
    } else if (input.has("safe")) {
      sides.put("safe", named(input.get("safe")));
      sides.put("toxic", named(input.get("toxic")));
    } else {
      sides.put("", named(input));
    }
    if (equalized) {
      sides.replaceAll((side, circuits) -> LegacyCircuit.equalized(circuits));
    }
    sides.forEach((side, circuits) -> {
      String prefix = side.isEmpty() ? "" : side + "_";
      SimilarityMatrix matrix = LegacySimilarity.matrix(circuits);
      compare(matrix, expected.get(prefix + "similarities"));
      close(LegacySimilarity.average(matrix), expected.get(prefix + "avg_similarity"));
    });
    if (sides.containsKey("safe")) {
      SimilarityMatrix cross = LegacySimilarity.cross(sides.get("safe"), sides.get("toxic"));
      compare(cross, expected.get("cross_similarities"));
      close(LegacySimilarity.average(cross), expected.get("cross_avg_similarity"));
    }
  }

  private Map<String, LegacyCircuit> named(JsonNode byCategory) {
    Map<String, LegacyCircuit> circuits = new LinkedHashMap<>();
    byCategory.fields().forEachRemaining(
        field ->
            circuits.put(
                field.getKey(), read(folder.resolve("circuits").resolve(field.getValue().asText() + ".json"))));
    return circuits;
  }

  /** Circuits of a folder by side; the category stands between the model's name and the side. */
  private static Map<String, Map<String, LegacyCircuit>> ofFolder(Path folder) throws IOException {
    Path manifest = Goldens.folder("reference").resolve("manifest.json");
    String prefix = Json.read(manifest).get("file_name_prefix").asText() + "_";
    Map<String, Map<String, LegacyCircuit>> sides = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder).sorted()) {
      for (Path file : files.toList()) {
        String name = file.getFileName().toString();
        if (!name.endsWith("_circuit.json")) {
          continue;
        }
        String category = name.substring(prefix.length(), name.length() - "_circuit.json".length());
        String side = "";
        for (String known : List.of("safe", "toxic")) {
          if (category.endsWith("_" + known)) {
            side = known;
            category = category.substring(0, category.length() - known.length() - 1);
          }
        }
        sides.computeIfAbsent(side, any -> new LinkedHashMap<>()).put(category, read(file));
      }
    }
    return sides;
  }

  private void compare(SimilarityMatrix found, JsonNode expected) {
    assertThat(expected.size()).isEqualTo(found.rows().size());
    for (int i = 0; i < found.rows().size(); i++) {
      for (int j = 0; j < found.columns().size(); j++) {
        close(found.values()[i][j], expected.get(found.rows().get(i)).get(found.columns().get(j)));
      }
    }
  }

  private void close(double found, JsonNode expected) {
    if (expected.isTextual()) {
      assertThat(found).isEqualTo(Double.valueOf(expected.asText()));
      return;
    }
    worst = Math.max(worst, Math.abs(found - expected.doubleValue()));
    assertThat(found).isCloseTo(expected.doubleValue(), within(TOLERANCE));
  }

  private static LegacyCircuit read(Path file) {
    JsonNode json = Json.read(file);
    Map<String, Double> nodes = new LinkedHashMap<>();
    json.get("nodes").fields().forEachRemaining(
        node -> nodes.put(node.getKey(), node.getValue().get("importance").doubleValue()));
    List<LegacyCircuit.LegacyEdge> edges = new ArrayList<>();
    json.get("edges").forEach(
        edge ->
            edges.add(
                new LegacyCircuit.LegacyEdge(
                    edge.get("source").asText(),
                    edge.get("target").asText(),
                    edge.get("importance").doubleValue())));
    return new LegacyCircuit(nodes, edges);
  }
}
