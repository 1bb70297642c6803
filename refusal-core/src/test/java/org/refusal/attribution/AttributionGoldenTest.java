package org.refusal.attribution;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;
import org.refusal.io.Safetensors;
import org.refusal.subject.LatentsAndError;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Memory;

/** goldens/attribution, number by number: every per-prompt effect, the error nodes, the edges and their sum. */
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class AttributionGoldenTest {
  private static final double TOLERANCE_FLOAT64 = 1e-9;
  private static final double TOLERANCE_FLOAT32 = 1e-4;
  private static final int BATCH = 8;

  private final Map<String, AttributionGolden> open = new HashMap<>();

  static Stream<Arguments> cases() {
    return AttributionGolden.folders().stream()
        .flatMap(folder -> Stream.of(DataType.FLOAT64, DataType.FLOAT32).map(type -> Arguments.of(folder, type)));
  }

  private AttributionGolden golden(Path folder, DataType type) {
    return open.computeIfAbsent(folder + " " + type, key -> AttributionGolden.open(folder, type));
  }

  @AfterAll
  void close() {
    open.values().forEach(AttributionGolden::close);
  }

  private static double tolerance(DataType type) {
    return type == DataType.FLOAT64 ? TOLERANCE_FLOAT64 : TOLERANCE_FLOAT32;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void metricAndGroupMeans(Path folder, DataType type) {
    AttributionGolden golden = golden(folder, type);
    try (Safetensors tensors = golden.tensors()) {
      double[] metric = new double[golden.gold().size()];
      perBatch(golden, (batch, from) -> System.arraycopy(batch.metric(), 0, metric, from, batch.metric().length));
      check(folder, type, "m", metric, tensors.doubles("m"));
      golden.means().forEach((at, means) -> {
        if (tensors.has("fbar." + at.layer())) {
          check(folder, type, "fbar." + at.layer(), AttributedBatch.doubles(means.latents()),
              tensors.doubles("fbar." + at.layer()));
          // ē is what is left of activations: its rounding is that of the group means of x
          double[] error = AttributedBatch.doubles(means.error());
          double[] expectedError = tensors.doubles("ebar." + at.layer());
          double[] mean =
              AttributedBatch.doubles(
                  LatentsAndError.decode(means.latents(), golden.saes().get(at)).add(means.error()));
          double[] expectedMean = mean.clone();
          for (int i = 0; i < mean.length; i++) {
            expectedMean[i] += expectedError[i] - error[i];
          }
          check(folder, type, "ebar." + at.layer(), mean, expectedMean);
        }
      });
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void attributionPatching(Path folder, DataType type) {
    effects(folder, type, "atp", steps -> new AttributionPatching());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void integratedGradientsLeft(Path folder, DataType type) {
    effects(folder, type, "ig", steps -> new IntegratedGradients(steps, StepRule.LEFT, false));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void integratedGradientsMidpoint(Path folder, DataType type) {
    effects(folder, type, "ig_mid", steps -> new IntegratedGradients(steps, StepRule.MIDPOINT, false));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void exactPatching(Path folder, DataType type) {
    effects(folder, type, "exact", steps -> new ExactPatching(128));
  }

  private void effects(Path folder, DataType type, String name, Function<Integer, EffectEstimator> estimators) {
    AttributionGolden golden = golden(folder, type);
    EffectEstimator estimator = estimators.apply(golden.json().path("ig_steps").asInt(10));
    int checked = 0;
    try (Safetensors tensors = golden.tensors()) {
      for (HookPoint at : golden.saes().keySet()) {
        if (!tensors.has(name + "." + at.layer())) {
          continue; // the committed set is cut down
        }
        checked++;
        double[] expected = tensors.doubles(name + "." + at.layer());
        int dSae = golden.saes().get(at).dSae();
        double[] found = new double[golden.gold().size() * (dSae + 1)];
        perBatch(golden, (batch, from) -> {
          try (Memory.Scope scope = Memory.scope();
              HookedBatch hooked = batch.at(at)) {
            List<NodeEffects> rows = estimator.estimate(hooked);
            for (int r = 0; r < rows.size(); r++) {
              int start = (from + r) * (dSae + 1);
              System.arraycopy(rows.get(r).dense(dSae), 0, found, start, dSae);
              found[start + dSae] = rows.get(r).error();
            }
          }
        });
        check(folder, type, name + "." + at.layer(), found, expected);
      }
    }
    assertThat(checked).as("hook points with '%s' in the set", name).isPositive();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void edges(Path folder, DataType type) {
    AttributionGolden golden = golden(folder, type);
    JsonNode nodes = golden.json().path("edge_nodes");
    try (Safetensors tensors = golden.tensors()) {
      List<HookPoint> points = List.copyOf(golden.saes().keySet());
      for (int u = 0; u + 1 < points.size(); u++) {
        List<Node> sources = nodes(golden, nodes, points.get(u));
        List<Node> targets = nodes(golden, nodes, points.get(u + 1));
        double[] found = meanEdges(golden, golden.gold(), sources, targets);
        String name = "edges.%d-%d".formatted(points.get(u).layer(), points.get(u + 1).layer());
        check(folder, type, name, found, tensors.doubles(name));
      }
    }
  }

  /** The edges of a node into all nodes downstream, error included, sum to its attribution-patching effect. */
  @ParameterizedTest
  @MethodSource("cases")
  void edgesIntoAllNodesSumToTheEffect(Path folder, DataType type) {
    AttributionGolden golden = golden(folder, type);
    List<HookPoint> points = List.copyOf(golden.saes().keySet());
    List<PromptTokens> prompts = golden.gold().subList(0, 2);
    for (int u = 0; u + 1 < points.size(); u++) {
      List<Node> sources = nodes(golden, golden.json().path("edge_nodes"), points.get(u));
      List<Node> targets = new ArrayList<>();
      for (int j = 0; j < golden.saes().get(points.get(u + 1)).dSae(); j++) {
        targets.add(new LatentNode(points.get(u + 1), j));
      }
      targets.add(new ErrorNode(points.get(u + 1)));
      double[] edges = meanEdges(golden, prompts, sources, targets);
      double[] sums = new double[sources.size()];
      double[] effects = new double[sources.size()];
      try (Memory.Scope scope = Memory.scope();
          AttributedBatch batch = new AttributedBatch(golden.model(), prompts);
          HookedBatch hooked = batch.at(points.get(u))) {
        List<NodeEffects> rows = new AttributionPatching().estimate(hooked);
        for (int i = 0; i < sums.length; i++) {
          for (int j = 0; j < targets.size(); j++) {
            sums[i] += edges[i * targets.size() + j];
          }
          for (NodeEffects row : rows) {
            effects[i] +=
                (sources.get(i) instanceof LatentNode latent
                        ? row.dense(golden.saes().get(points.get(u)).dSae())[latent.latent()]
                        : row.error())
                    / rows.size();
          }
        }
      }
      check(folder, type, "identity." + points.get(u).layer(), sums, effects);
    }
  }

  private static List<Node> nodes(AttributionGolden golden, JsonNode byLayer, HookPoint at) {
    int dSae = golden.saes().get(at).dSae();
    List<Node> nodes = new ArrayList<>();
    for (int id : AttributionGolden.ints(byLayer.path(Integer.toString(at.layer())))) {
      nodes.add(id == dSae ? new ErrorNode(at) : new LatentNode(at, id));
    }
    return nodes;
  }

  private static double[] meanEdges(
      AttributionGolden golden, List<PromptTokens> prompts, List<Node> sources, List<Node> targets) {
    double[] means = new double[sources.size() * targets.size()];
    EdgeEstimator estimator = new EdgeEstimator(sources, targets);
    for (int from = 0; from < prompts.size(); from += BATCH) {
      try (Memory.Scope scope = Memory.scope();
          AttributedBatch batch =
              new AttributedBatch(golden.model(), prompts.subList(from, Math.min(prompts.size(), from + BATCH)))) {
        for (double[][] ofPrompt : estimator.weights(batch)) {
          for (int i = 0; i < sources.size(); i++) {
            for (int j = 0; j < targets.size(); j++) {
              means[i * targets.size() + j] += ofPrompt[i][j] / prompts.size();
            }
          }
        }
      }
    }
    return means;
  }

  private interface BatchUse {
    void use(AttributedBatch batch, int from);
  }

  private static void perBatch(AttributionGolden golden, BatchUse use) {
    StudiedModel model = golden.model();
    for (int from = 0; from < golden.gold().size(); from += BATCH) {
      try (Memory.Scope scope = Memory.scope();
          AttributedBatch batch =
              new AttributedBatch(
                  model, golden.gold().subList(from, Math.min(golden.gold().size(), from + BATCH)))) {
        use.use(batch, from);
      }
    }
  }

  private static void check(Path folder, DataType type, String name, double[] found, double[] expected) {
    double deviation = AttributionGolden.relativeDeviation(found, expected);
    System.out.printf(
        "golden attribution/%s %s %s: largest deviation %.2g of the largest value%n",
        folder.getFileName(), type, name, deviation);
    assertThat(deviation).as("%s %s %s", folder.getFileName(), type, name).isLessThan(tolerance(type));
  }
}
