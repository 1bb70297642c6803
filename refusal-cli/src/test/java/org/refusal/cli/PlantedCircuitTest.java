package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.commons.math3.linear.MatrixUtils;
import org.apache.commons.math3.linear.QRDecomposition;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.linear.RealVector;
import org.apache.commons.math3.stat.correlation.PearsonsCorrelation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.attribution.AttributionCheck;
import org.refusal.attribution.AttributionStore;
import org.refusal.base.AtomicFiles;
import org.refusal.circuit.HookPoint;
import org.refusal.data.Category;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.run.ResultLayout;

/** What attribution, circuits and transfer find in models whose mechanism is known, by the commands a user runs. */
@Tag("slow")
class PlantedCircuitTest {
  private static final List<Category> CATEGORIES = Category.OR_BENCH.subList(0, 4);
  private static final HookPoint AT = HookPoint.residuals(2);
  private static final int NODES = 16;

  @TempDir Path folder;

  @ParameterizedTest(name = "{0}, seed {1}")
  @CsvSource({"MONOLITHIC, 101", "MODULAR, 103"})
  void circuitsAreThoseThatWerePlanted(PlantedKind kind, long seed) {
    Path model = folder.resolve("planted");
    PlantedModel.write(new PlantedSpec(kind, seed, 0, CATEGORIES, 40, 40, 0.01, 0), model);
    Path results = folder.resolve("results");
    List<String> settings =
        List.of(
            "--set", "discover.circuit.selection=top_n", "--set", "discover.circuit.top_n_per_layer=" + NODES,
            "--set", "discover.circuit.edges=none", "--set", "discover.circuit.ig_steps=10",
            "--set", "train-saes.training.max_steps=1000", "--set", "evaluate.evaluation.random_circuits=2",
            "--set", "evaluate.evaluation.behaviour_prompts=3");
    ResultLayout layout = new ResultLayout(results);
    JsonNode truth = Json.read(model.resolve("truth.json"));
    run(model, results, "[residuals_2]", with(settings, "--set", "evaluate.transfer.amount=partner"));
    double partner = Arrays.stream(deviations(transfer(layout, "residuals_2", "effect"), truth)).map(Math::abs).max().orElseThrow();
    refusedTextIsAsPlanted(Json.read(layout.transfer("planted")), truth);
    run(model, results, "[residuals_2]", with(settings));
    double[][] ig = new double[CATEGORIES.size()][];
    for (int c = 0; c < ig.length; c++) {
      ig[c] = effects(layout, CATEGORIES.get(c));
    }
    List<AttributionCheck> checks = AttributionCheck.read(layout.attributionCheck("planted"));
    JsonNode transferFile = Json.read(layout.transfer("planted"));
    JsonNode transfer = transfer(layout, "residuals_2", "effect");
    JsonNode witness = transfer(layout, "residuals_2", "difference_of_means");
    double own = transfer.at("/own_drop/value").doubleValue();
    DoubleSummaryStatistics effect = Arrays.stream(deviations(transfer, truth)).summaryStatistics();
    double[] least = {1, 1, 1}; // correlation, cosine, faithfulness
    double[] most = {0, 0, 0}; // completeness of the attribution and of the circuit, transfer of the difference of means: deviations
    for (int c = 0; c < ig.length; c++) {
      Category category = CATEGORIES.get(c);
      most[0] = Math.max(most[0], Math.abs(checks.get(c).completeness() - 1));
      least[1] = Math.min(least[1], cosine(layout, truth, category, ig[c]));
      JsonNode circuit = Json.read(layout.evaluation("planted", category.name())).at("/circuits/discovered");
      assertThat(circuit.path("size").intValue()).isEqualTo(NODES);
      least[2] = Math.min(least[2], circuit.at("/faithfulness/value").doubleValue());
      most[1] = Math.max(most[1], Math.abs(circuit.at("/completeness/value").doubleValue()));
      for (int j = 0; j < ig.length; j++) {
        double planted = truth.at("/transfer/%d/%d".formatted(c, j)).doubleValue();
        most[2] = Math.max(most[2], Math.abs(witness.at("/drop/%d/%d".formatted(c, j)).doubleValue() - planted));
      }
    }
    discoverExactly(model, results);
    for (int c = 0; c < ig.length; c++) {
      least[0] =
          Math.min(least[0], new PearsonsCorrelation().correlation(ig[c], effects(layout, CATEGORIES.get(c))));
    }
    System.out.printf(
        Locale.ROOT,
        "PlantedCircuitTest %s seed %d: ig with exact r >= %.4f; sum of effects off by <= %.3f; direction in the span of"
            + " %d latents, cosine >= %.3f; circuit of %d nodes: faithfulness >= %.3f, |completeness| <= %.3f; transfer"
            + " over own drop (%.2f of the gap) off by %.3f to %.3f, of partners' components by <= %.3f; of the difference of"
            + " means, in gaps, by <= %.3f%n",
        kind, seed, least[0], most[0], NODES, least[1], NODES, least[2], most[1], own, effect.getMin(), effect.getMax(), partner,
        most[2]);
    assertThat(least[0]).as("correlation of ig with exact").isGreaterThanOrEqualTo(.95);
    assertThat(most[0]).as("sum of effects beside the full effect").isLessThanOrEqualTo(.05);
    assertThat(least[1]).as("cosine of the planted direction with the span").isGreaterThanOrEqualTo(.9);
    assertThat(least[2]).as("faithfulness").isGreaterThanOrEqualTo(.85);
    assertThat(most[1]).as("completeness").isLessThanOrEqualTo(.1);
    assertThat(partner).as("transfer, component set to the partner's").isLessThanOrEqualTo(.1);
    assertThat(effect.getMax()).as("transfer in the own amount: nothing looks shared that is not").isLessThanOrEqualTo(.1);
    // directions lean on the answer's own axis, which every read-out holds (docs/planted.md): others' evidence seems to grow
    assertThat(effect.getMin()).as("transfer in the own amount").isGreaterThanOrEqualTo(-.25);
    assertThat(most[2]).as("transfer of the difference of means").isLessThanOrEqualTo(.1);
    refusedTextIsAsPlanted(transferFile, truth);
    baselinesOfTheCurve(layout);
  }

  private static String[] with(List<String> settings, String... more) {
    return Stream.concat(settings.stream(), Stream.of(more)).toArray(String[]::new);
  }

  /** Transfer over the form's mean own drop, less what was planted. */
  private static double[] deviations(JsonNode transfer, JsonNode truth) {
    double own = transfer.at("/own_drop/value").doubleValue();
    int n = CATEGORIES.size();
    return IntStream.range(0, n * n)
        .mapToDouble(k -> transfer.at("/drop/%d/%d".formatted(k / n, k % n)).doubleValue() / own
            - truth.at("/transfer/%d/%d".formatted(k / n, k % n)).doubleValue())
        .toArray();
  }

  /** What the statistics say of a form: the one place where drops stand in units of the gap. */
  private static JsonNode transfer(ResultLayout layout, String at, String form) {
    for (JsonNode point : Json.read(layout.stats("planted")).at("/tests/hook_points")) {
      if (point.path("hook_point").asText().equals(at)) {
        return point.path("transfer").path(form);
      }
    }
    throw new AssertionError("nothing was measured at " + at);
  }

  /** What category i's part takes away is gone from the text, and nothing else is. */
  private static void refusedTextIsAsPlanted(JsonNode transfer, JsonNode truth) {
    for (JsonNode rate : transfer.at("/refusals/rate")) {
      assertThat(rate.path("value").doubleValue()).as("without intervention").isEqualTo(1);
      assertThat(rate.path("prompts").intValue()).as("evaluation.behaviour_prompts").isEqualTo(3);
    }
    JsonNode seen = transfer.at("/hook_points/residuals_2/behaviour");
    assertThat(seen).hasSize(4);
    for (String form : List.of("effect", "difference_of_means")) { // the others rest on autoencoders, which err
      for (int i = 0; i < CATEGORIES.size(); i++) {
        for (int j = 0; j < CATEGORIES.size(); j++) {
          assertThat(seen.path(form).at("/rate/%d/%d/value".formatted(i, j)).doubleValue())
              .as("%s form, part of %d on prompts of %d", form, i, j)
              .isEqualTo(1 - truth.at("/transfer/%d/%d".formatted(i, j)).doubleValue());
        }
      }
      assertThat(seen.path(form).path("weak").isNull()).as(form).isTrue();
    }
    assertThat(textsThatAgreeWithTheMetric(transfer)).isGreaterThan(150);
  }

  /** In a planted model the text refuses where m is positive: two ways of running the same intervention, in every form. */
  private static int textsThatAgreeWithTheMetric(JsonNode transfer) {
    int clear = 0;
    JsonNode here = transfer.at("/hook_points/residuals_2");
    for (int j = 0; j < CATEGORIES.size(); j++) {
      JsonNode gap = transfer.at("/gaps/" + CATEGORIES.get(j).name());
      JsonNode measured = gap.path("prompt_index");
      for (int p = 0; p < 3; p++) {
        int row = 0;
        while (measured.get(row).longValue() != transfer.at("/refusals/prompt_index/%d/%d".formatted(j, p)).longValue()) {
          row++;
        }
        for (String form : List.of("effect", "latent", "direction", "difference_of_means")) {
          for (int i = 0; i < CATEGORIES.size(); i++) {
            double m =
                gap.path("metric").get(row).doubleValue()
                    - here.at("/forms/%s/drops/%d/%d/%d".formatted(form, i, j, row)).doubleValue();
            if (Math.abs(m) > .5) {
              clear++;
              assertThat(here.at("/behaviour/%s/refused/%d/%d/%d".formatted(form, i, j, p)).booleanValue())
                  .as("%s form, part of %d on prompt %d of %d, m %.2f", form, i, p, j, m)
                  .isEqualTo(m > 0);
            }
          }
        }
      }
    }
    return clear;
  }

  /** Random circuits of the same size do next to nothing; the legacy one does no more than the discovered one. */
  private static void baselinesOfTheCurve(ResultLayout layout) {
    List<Double> random = new ArrayList<>();
    double[] legacyRange = {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
    for (Category category : CATEGORIES) {
      JsonNode metrics = Json.read(layout.evaluation("planted", category.name()));
      JsonNode curve = metrics.path("curve");
      for (JsonNode size : curve.path("sizes")) {
        assertThat(size.path("random_faithfulness")).hasSize(2);
        if (size.path("size").intValue() <= NODES) {
          size.path("random_faithfulness").forEach(each -> random.add(each.doubleValue()));
        }
      }
      assertThat(curve.at("/area/value").doubleValue() - curve.path("random_area").doubleValue())
          .as("area above that of random circuits, %s", category.name()).isGreaterThan(.3);
      JsonNode discovered = metrics.at("/circuits/discovered");
      JsonNode legacy = metrics.at("/circuits/legacy");
      assertThat(legacy.path("size").intValue()).isEqualTo(NODES);
      assertThat(legacy.at("/score/model")).hasToString(discovered.at("/score/model").toString());
      double faithfulness = legacy.at("/faithfulness/value").doubleValue();
      assertThat(faithfulness).isLessThanOrEqualTo(discovered.at("/faithfulness/value").doubleValue() + .02);
      legacyRange[0] = Math.min(legacyRange[0], faithfulness);
      legacyRange[1] = Math.max(legacyRange[1], faithfulness);
    }
    double mean = random.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    System.out.printf(
        Locale.ROOT, "PlantedCircuitTest baselines: random circuits up to %d nodes %.3f, legacy circuits %.2f to %.2f%n",
        NODES, mean, legacyRange[0], legacyRange[1]);
    assertThat(mean).as("faithfulness of random circuits").isBetween(-.1, .15);
    assertThat(legacyRange[0]).as("latents of refusal correlate with the label").isGreaterThan(.2);
  }

  /** Refusal evidence reaches the template by the attention of layer 2: that is where it is found, and patched. */
  @Test
  void attentionAndMlpOutputsGoThroughAllStages() {
    Path model = folder.resolve("planted");
    PlantedModel.write(new PlantedSpec(PlantedKind.MONOLITHIC, 105, 0, CATEGORIES.subList(0, 2), 30, 30, 0.01, 0), model);
    Path results = folder.resolve("results");
    run(model, results, "[mlp_1, attention_2, mlp_3, residuals_3]", "--set", "evaluate.evaluation.random_circuits=1",
        "--set", "evaluate.evaluation.behaviour_prompts=0", "--set", "train-saes.sae.sink_factor=1e6"); // an MLP that is silent at most tokens has loud ones
    ResultLayout layout = new ResultLayout(results);
    JsonNode file = Json.read(layout.transfer("planted"));
    assertThat(file.path("refusals").isNull()).as("evaluation.behaviour_prompts: 0").isTrue();
    JsonNode points = file.path("hook_points");
    assertThat(points.at("/attention_2/behaviour").isNull()).isTrue();
    List<String> names = new ArrayList<>();
    points.fieldNames().forEachRemaining(names::add);
    assertThat(names).containsExactly("mlp_1", "attention_2", "mlp_3", "residuals_3");
    assertThat(points.at("/attention_2/decision/everywhere/value").doubleValue()).isGreaterThan(.8);
    assertThat(points.at("/attention_2/decision/decided/value").doubleValue()).isGreaterThan(.8);
    assertThat(points.at("/mlp_1/decision/decided/value").doubleValue()).as("at user positions").isCloseTo(0, within(.1));
    assertThat(transfer(layout, "attention_2", "effect").at("/own_drop/value").doubleValue()).isGreaterThan(.8);
    JsonNode verdict = Json.read(layout.stats("planted")).path("verdict");
    assertThat(verdict.path("answer").asText()).as("the decision layer, residuals_2, was not captured").isEqualTo("INCONCLUSIVE");
    assertThat(verdict.path("decision_layer").isNull()).isTrue();
    assertThat(verdict.path("reasons").toString()).contains("decided at residuals_2", "was not captured");
    for (AttributionCheck check : AttributionCheck.read(layout.attributionCheck("planted"))) {
      if (check.at().equals(HookPoint.attention(2))) {
        assertThat(check.completeness()).as(check.toString()).isCloseTo(1, within(.1));
      }
    }
    for (Category category : CATEGORIES.subList(0, 2)) {
      try (AttributionStore store = AttributionStore.open(layout.attributions("planted", category.name()))) {
        assertThat(store.hookPoints()).contains(HookPoint.mlp(1), HookPoint.attention(2), HookPoint.mlp(3));
        double sum = 0;
        for (double effect : store.total(HookPoint.attention(2)).mean()) {
          sum += effect;
        }
        assertThat(sum).as("attention_2 drives refusal").isLessThan(-3);
      }
    }
  }

  /** On a model that answers a third of its toxic prompts: what is called S, and what is called AUC, is one number wherever it is told. */
  @Test
  void stagesAgreeOnWhatTheyBothReport() {
    Path model = folder.resolve("planted");
    PlantedModel.write(new PlantedSpec(PlantedKind.MODULAR, 107, 0, CATEGORIES.subList(0, 3), 30, 30, 0.01, 0.3), model);
    Path results = folder.resolve("results");
    run(model, results, "[residuals_1, residuals_2]", "--set", "evaluate.evaluation.random_circuits=1",
        "--set", "evaluate.evaluation.behaviour_prompts=0", "--set", "train-saes.training.max_steps=200");
    ResultLayout layout = new ResultLayout(results);
    JsonNode tests = Json.read(layout.stats("planted")).path("tests");
    JsonNode collect = Json.read(layout.collectReport("planted"));
    int refused = 0;
    for (JsonNode category : tests.path("refused_discovery")) {
      refused += category.intValue();
    }
    assertThat(refused).as("refused discovery prompts of 63").isBetween(30, 55);

    JsonNode similarity =
        Json.read(layout.similarity("planted")).at("/groups/toxic_toxic/measures/disattenuated_cosine");
    agree(similarity.path("residuals_1"), tests.at("/hook_points/0/latents/similarity"));
    agree(similarity.path("residuals_2"), tests.at("/hook_points/1/latents/similarity"));
    agree(similarity.path("pooled"), tests.at("/pooled_latents/similarity"));

    assertThat(tests.at("/auc/value")).isEqualTo(collect.at("/separation/auc"));
    assertThat(tests.at("/auc/interval/low")).isEqualTo(collect.at("/separation/low"));
    assertThat(tests.at("/auc/positives")).isEqualTo(collect.at("/separation/refused"));
    assertThat(tests.at("/auc/negatives")).isEqualTo(collect.at("/separation/complied"));
  }

  private static void agree(JsonNode one, JsonNode other) {
    assertThat(one).hasSize(3);
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < 3; j++) {
        assertThat(one.get(i).get(j).asDouble()).isCloseTo(other.get(i).get(j).asDouble(), within(1e-9));
      }
    }
  }

  private static void run(Path model, Path results, String points, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "run", "--config", Path.of("..", "configs", "pipeline", "planted.yaml").toString(),
                "--model", model.toString(), "--dataset-dir", model.toString(), "--results-dir", results.toString(),
                "--set", "model.activation_layers=" + points, "--no-visualizations", "--format", "markdown", "-q"));
    arguments.addAll(List.of(more));
    main(arguments);
  }

  /** Exact effects take the place of those in the results folder. */
  private void discoverExactly(Path model, Path results) {
    Path config = folder.resolve("exact.yaml");
    AtomicFiles.writeString(
        config,
        "circuit: {attribution_method: exact, edges: none}\ndiscovery: {safe_prompts: false}\n"
            + "model: {activation_layers: [residuals_2]}\n");
    main(
        List.of(
            "discover", "--config", config.toString(), "--model", model.toString(), "--results-dir", results.toString(),
            "-q"));
  }

  private static void main(List<String> arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), Map.of(), arguments.toArray(String[]::new));
    assertThat(code).as(err.toString()).isZero();
  }

  private static double[] effects(ResultLayout layout, Category category) {
    try (AttributionStore store = AttributionStore.open(layout.attributions("planted", category.name()))) {
      return store.total(AT).mean();
    }
  }

  /** Of the planted direction with the span of the decoder rows of the latents that drive refusal most. */
  private static double cosine(ResultLayout layout, JsonNode truth, Category category, double[] effects) {
    try (Safetensors sae = Safetensors.open(layout.sae("planted", AT).resolve("sae_weights.safetensors"))) {
      double[] decoder = sae.doubles("W_dec");
      int width = decoder.length / effects.length;
      List<Integer> latents = new ArrayList<>();
      for (int i = 0; i < effects.length; i++) {
        latents.add(i);
      }
      latents.sort(Comparator.comparingDouble(i -> -Math.abs(effects[i])));
      RealMatrix rows = MatrixUtils.createRealMatrix(width, NODES);
      for (int n = 0; n < NODES; n++) {
        for (int d = 0; d < width; d++) {
          rows.setEntry(d, n, decoder[latents.get(n) * width + d]);
        }
      }
      JsonNode planted = truth.path("directions").path(AT.name()).path(category.name());
      RealVector direction = MatrixUtils.createRealVector(new double[width]);
      for (int d = 0; d < width; d++) {
        direction.setEntry(d, planted.get(d).doubleValue());
      }
      RealVector projected = rows.operate(new QRDecomposition(rows).getSolver().solve(direction));
      return projected.getNorm() / direction.getNorm();
    }
  }
}
