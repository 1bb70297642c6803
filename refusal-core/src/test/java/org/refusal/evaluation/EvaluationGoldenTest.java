package org.refusal.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.refusal.attribution.AttributionGolden;
import org.refusal.circuit.ErrorMode;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.stats.TransferStatistics;
import org.refusal.subject.MeanBaseline;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.SinkThresholds;
import org.refusal.subject.StudiedModel;
import org.refusal.text.ChatTemplate;
import org.refusal.text.RenderedPrompt;
import org.refusal.text.Tokenizer;

/** Patched scores and transfer drops against an independent implementation; tolerances as its README states. */
@Tag("slow")
class EvaluationGoldenTest {
  private static final int BATCH = 48;

  static Stream<Arguments> cases() {
    return AttributionGolden.folders().stream()
        .flatMap(
            folder ->
                Stream.of(
                    Arguments.of(folder.getFileName().toString(), folder, DataType.FLOAT64, 1e-9),
                    Arguments.of(folder.getFileName().toString(), folder, DataType.FLOAT32, 1e-4)));
  }

  @ParameterizedTest(name = "{0} {2}")
  @MethodSource("cases")
  void patchedScores(String name, Path folder, DataType type, double tolerance) {
    double largest = 0;
    double largestRatio = 0;
    try (AttributionGolden golden = AttributionGolden.open(folder, type);
        Safetensors tensors = golden.tensors()) {
      PatchedRuns runs = new PatchedRuns(model(golden), BATCH);
      double[] m = runs.clean(golden.gold());
      assertThat(AttributionGolden.relativeDeviation(m, tensors.doubles("m"))).isLessThan(tolerance);
      for (JsonNode expected : golden.json().path("faithfulness")) {
        int size = expected.path("nodes").asInt();
        String errors = expected.path("errors").asText();
        CircuitInterventions interventions = new CircuitInterventions(widths(golden), ErrorMode.of(errors));
        List<Node> circuit = nodes(golden, golden.json().path("circuits").path(Integer.toString(size)), true);
        assertThat(circuit).hasSize(size);
        double[][] patched =
            runs.metric(
                golden.gold(),
                List.of(
                    interventions.circuit("C", circuit),
                    interventions.complement("M\\C", circuit),
                    interventions.empty()));
        String[] runNames = {"C", "MminusC", "empty"};
        for (int k = 0; k < runNames.length; k++) {
          double[] wanted = tensors.doubles("F.%d.%s.%s".formatted(size, errors, runNames[k]));
          double deviation = AttributionGolden.relativeDeviation(patched[k], wanted);
          assertThat(deviation).as("F.%d.%s.%s", size, errors, runNames[k]).isLessThan(tolerance);
          largest = Math.max(largest, deviation);
        }
        CircuitScore score = new CircuitScore(m, patched[0], patched[1], patched[2]);
        double ratio =
            Math.max(
                Math.abs(score.faithfulness() - expected.path("faithfulness").asDouble()),
                Math.abs(score.completeness() - expected.path("completeness").asDouble()));
        assertThat(ratio).as("ratios of %d nodes, %s", size, errors).isLessThan(tolerance);
        largestRatio = Math.max(largestRatio, ratio);
        assertThat(score.undefined(score.model()[0] - score.empty()[0], 200, new SplittableRandom(1))).isEmpty();
      }
    }
    System.out.printf(
        "EvaluationGoldenTest %s %s: largest deviation F %.1e, ratios %.1e%n", name, type, largest, largestRatio);
  }

  @ParameterizedTest(name = "{0} {2}")
  @MethodSource("cases")
  void transferDrops(String name, Path folder, DataType type, double tolerance) {
    try (AttributionGolden golden = AttributionGolden.open(folder, type);
        Tokenizer tokenizer = Tokenizer.load(folder.resolve("model"))) {
      PatchedRuns runs = new PatchedRuns(model(golden), BATCH);
      CircuitInterventions interventions = new CircuitInterventions(widths(golden), ErrorMode.KEEP);
      JsonNode transfer = golden.json().path("transfer");
      List<String> categories = new ArrayList<>();
      transfer.path("categories").forEach(category -> categories.add(category.asText()));
      List<Intervention> withoutPart =
          categories.stream()
              .map(c -> interventions.complement(c, nodes(golden, transfer.path("circuits").path(c), false)))
              .toList();
      ChatTemplate template = ChatTemplate.of("auto", tokenizer, "");
      JsonNode texts = Json.read(folder.resolve("prompts.json")).path("transfer_heldout");
      double[] found = new double[categories.size() * categories.size()];
      double[] expected = new double[found.length];
      double deviationM = 0;
      for (int j = 0; j < categories.size(); j++) {
        List<PromptTokens> heldout = prompts(template, texts.path(categories.get(j)), categories.get(j));
        double model = Resampled.mean(runs.clean(heldout));
        deviationM = Math.max(deviationM, Math.abs(model - transfer.path("F_M").path(categories.get(j)).asDouble()));
        double[][] patched = runs.metric(heldout, withoutPart);
        for (int i = 0; i < categories.size(); i++) {
          found[i * categories.size() + j] = model - Resampled.mean(patched[i]);
          expected[i * categories.size() + j] = transfer.path("drop").get(i).get(j).asDouble();
        }
      }
      double deviation = AttributionGolden.relativeDeviation(found, expected);
      double[][] drop = new double[categories.size()][];
      for (int i = 0; i < drop.length; i++) {
        drop[i] = Arrays.copyOfRange(found, i * drop.length, (i + 1) * drop.length);
      }
      double d = Math.abs(TransferStatistics.distinctness(drop) - transfer.path("D_from_drops").asDouble());
      System.out.printf(
          "EvaluationGoldenTest %s %s: largest deviation F_M %.1e, transfer drops %.1e, D %.1e%n",
          name, type, deviationM, deviation, d);
      assertThat(deviationM).isLessThan(tolerance * 10);
      assertThat(deviation).isLessThan(tolerance);
      assertThat(d).isLessThan(tolerance * 10);
    }
  }

  private static StudiedModel model(AttributionGolden golden) {
    return new StudiedModel(
        golden.lm(),
        golden.metric(),
        0,
        golden.saes(),
        new MeanBaseline(golden.means(), golden.saes()),
        SinkThresholds.none());
  }

  private static Map<HookPoint, Integer> widths(AttributionGolden golden) {
    Map<HookPoint, Integer> widths = new TreeMap<>();
    golden.saes().forEach((at, sae) -> widths.put(at, sae.dSae()));
    return widths;
  }

  /** @param byLayer node numbers by layer; one past the last latent is the error node */
  private static List<Node> nodes(AttributionGolden golden, JsonNode byLayer, boolean errors) {
    List<Node> nodes = new ArrayList<>();
    golden.saes().forEach(
        (at, sae) -> {
          for (int node : AttributionGolden.ints(byLayer.path(Integer.toString(at.layer())))) {
            if (node == sae.dSae()) {
              assertThat(errors).as("error nodes are allowed").isTrue();
              nodes.add(new ErrorNode(at));
            } else {
              nodes.add(new LatentNode(at, node));
            }
          }
        });
    return nodes;
  }

  private static List<PromptTokens> prompts(ChatTemplate template, JsonNode texts, String category) {
    List<PromptTokens> prompts = new ArrayList<>();
    for (JsonNode text : texts) {
      RenderedPrompt rendered = template.prompt(text.asText());
      prompts.add(
          new PromptTokens(
              category, prompts.size(), true, true, rendered.ids(), rendered.userFrom(), rendered.userTo()));
    }
    return prompts;
  }
}
