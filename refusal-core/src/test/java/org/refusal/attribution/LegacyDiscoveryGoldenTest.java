package org.refusal.attribution;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.refusal.Goldens;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.Edge;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;

/** goldens/reference/discovery: the circuits of the earlier project, file by file. */
class LegacyDiscoveryGoldenTest {
  private static final double TOLERANCE = 1e-5;

  private static Path folder() {
    return Goldens.folder("reference").resolve("discovery");
  }

  static Stream<String> cases() {
    List<String> names = new ArrayList<>();
    Json.read(folder().resolve("cases.json")).fieldNames().forEachRemaining(names::add);
    List<String> present = names.stream().filter(name -> Files.isDirectory(folder().resolve(name))).toList();
    assertThat(present).as("cases in %s", folder()).isNotEmpty();
    return present.stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void circuitsAreThoseOfTheEarlierProject(String name) throws IOException {
    JsonNode json = Json.read(folder().resolve("cases.json")).path(name);
    JsonNode labels = Json.read(Goldens.folder("reference").resolve("inputs/labels.json"));
    String prefix = Json.read(Goldens.folder("reference").resolve("manifest.json")).path("file_name_prefix").asText();
    LegacyDiscovery discovery =
        new LegacyDiscovery(
            json.path("node_threshold").doubleValue(),
            json.path("edge_threshold").doubleValue(),
            json.path("top_n_per_layer").intValue());
    double largest = 0;
    int files = 0;
    try (Stream<Path> list = Files.list(folder().resolve(name))) {
      for (Path file : list.sorted().toList()) {
        String fileName = file.getFileName().toString();
        assertThat(fileName).startsWith(prefix + "_");
        String category =
            fileName.substring(prefix.length() + 1).replaceFirst("(_safe|_toxic)?_circuit\\.json$", "");
        assertThat(labels.has(category)).as("labels of '%s'", category).isTrue();
        boolean[] harmful = new boolean[labels.path(category).size()];
        for (int p = 0; p < harmful.length; p++) {
          harmful[p] = json.path("features").asText().equals("uniform") || labels.path(category).get(p).asBoolean();
        }
        boolean[] chosen = new boolean[harmful.length];
        for (int p = 0; p < harmful.length; p++) {
          chosen[p] =
              !json.path("separate_safe_toxic").asBoolean() || harmful[p] == fileName.contains("_toxic_circuit");
        }
        Circuit found = discovery.discover(features(json, category, chosen), select(harmful, chosen));
        Circuit expected = CircuitJson.read(file).circuit();
        largest = Math.max(largest, compare(fileName, found, expected));
        ranked(
            fileName, found, expected, 2 * json.path("largest_difference_to_float64").asDouble(), json.path("ranking").asText());
        assertThat(CircuitJson.originalText(expected)).as("text of %s", file).isEqualTo(Files.readString(file));
        files++;
      }
    }
    assertThat(files).isPositive();
    System.out.printf("golden legacy discovery %s: %d circuits, largest deviation %.2g%n", name, files, largest);
    assertThat(largest).isLessThan(TOLERANCE);
  }

  private static double compare(String name, Circuit found, Circuit expected) {
    assertThat(found.nodes().stream().map(node -> CircuitJson.id(node.node())))
        .as(name)
        .containsExactlyInAnyOrderElementsOf(
            expected.nodes().stream().map(node -> CircuitJson.id(node.node())).toList());
    assertThat(found.edges().stream().map(LegacyDiscoveryGoldenTest::key))
        .as(name)
        .containsExactlyInAnyOrderElementsOf(
            expected.edges().stream().map(LegacyDiscoveryGoldenTest::key).toList());
    double largest = 0;
    SortedMap<String, Double> values = new TreeMap<>();
    found.nodes().forEach(node -> values.put(CircuitJson.id(node.node()), node.importance()));
    found.edges().forEach(edge -> values.put(key(edge), edge.weight()));
    for (Circuit.ScoredNode node : expected.nodes()) {
      largest = Math.max(largest, Math.abs(node.importance() - values.get(CircuitJson.id(node.node()))));
    }
    for (Edge edge : expected.edges()) {
      largest = Math.max(largest, Math.abs(edge.weight() - values.get(key(edge))));
    }
    return largest;
  }

  /**
   * Nodes in the order of the file, hook point by hook point; two may stand the other way round only where the file's own
   * importances differ by no more than rounding. Where the ranking is by magnitude equal ones keep latent order (ratios of
   * correlations can be equal after rounding only). Edges follow the order of their ends.
   */
  private static void ranked(String name, Circuit found, Circuit expected, double rounding, String ranking) {
    List<String> order = found.nodes().stream().map(node -> CircuitJson.id(node.node())).toList();
    Map<String, Integer> rank = new HashMap<>();
    order.forEach(id -> rank.put(id, rank.size()));
    List<Circuit.ScoredNode> nodes = expected.nodes();
    for (int i = 0; i < nodes.size(); i++) {
      for (int j = i + 1; j < nodes.size(); j++) {
        if (rank.get(CircuitJson.id(nodes.get(i).node())) > rank.get(CircuitJson.id(nodes.get(j).node()))) {
          assertThat(nodes.get(i).node().at()).as("%s: order of hook points", name).isEqualTo(nodes.get(j).node().at());
          double step = nodes.get(i).importance() - nodes.get(j).importance();
          assertThat(step)
              .as("%s: %s comes before %s", name, nodes.get(i), nodes.get(j))
              .isGreaterThanOrEqualTo(ranking.equals("magnitude") ? Double.MIN_VALUE : 0)
              .isLessThanOrEqualTo(rounding + Math.ulp((float) nodes.get(i).importance()));
        }
      }
    }
    int[] last = {-1, -1};
    for (Edge edge : found.edges()) {
      int[] ends = {rank.get(CircuitJson.id(edge.upstream())), rank.get(CircuitJson.id(edge.downstream()))};
      assertThat(Arrays.compare(last, ends)).as("%s: place of %s", name, key(edge)).isNegative();
      last = ends;
    }
  }

  private static String key(Edge edge) {
    return CircuitJson.id(edge.upstream()) + ">" + CircuitJson.id(edge.downstream());
  }

  private static boolean[] select(boolean[] values, boolean[] chosen) {
    boolean[] selected = new boolean[values.length];
    int count = 0;
    for (int p = 0; p < values.length; p++) {
      if (chosen[p]) {
        selected[count++] = values[p];
      }
    }
    return Arrays.copyOf(selected, count);
  }

  private static SortedMap<HookPoint, LegacyDiscovery.Features> features(
      JsonNode json, String category, boolean[] chosen) {
    String features = json.path("features").asText();
    String stem = features.equals("flat3d") || features.equals("token3d") ? features : "2d";
    Aggregation aggregation = Aggregation.of(json.path("aggregation").asText());
    SortedMap<HookPoint, LegacyDiscovery.Features> byPoint = new TreeMap<>();
    try (Safetensors file = Safetensors.open(folder().resolve("encoded_" + stem + ".safetensors"))) {
      for (String tensor : file.entries().keySet()) {
        if (!tensor.startsWith(category + "/")) {
          continue;
        }
        long[] shape = file.entry(tensor).shape();
        int tokens = shape.length == 3 ? (int) shape[1] : 1;
        int width = (int) shape[shape.length - 1];
        List<float[]> rows = new ArrayList<>();
        for (int p = 0; p < chosen.length; p++) {
          if (chosen[p]) {
            rows.add(aggregation.apply(file.floats(tensor, (long) p * tokens * width, tokens * width), width));
          }
        }
        byPoint.put(
            HookPoint.parse(tensor.substring(category.length() + 1)),
            new LegacyDiscovery.Features(rows.toArray(float[][]::new)));
      }
    }
    return byPoint;
  }
}
