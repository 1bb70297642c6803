package org.refusal.original;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.activation.ActivationStore;
import org.refusal.activation.StoredPrompt;
import org.refusal.base.Digests;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.Collected;
import org.refusal.collected.OriginalFiles;
import org.refusal.config.Binder;
import org.refusal.config.DiscoverConfig;
import org.refusal.config.ReportConfig;
import org.refusal.config.StatsConfig;
import org.refusal.config.TrainSaesConfig;
import org.refusal.data.Behaviour;
import org.refusal.data.ModelOutput;
import org.refusal.data.PromptKey;
import org.refusal.io.Json;
import org.refusal.run.ResultLayout;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;
import org.refusal.stage.AnalyzeStage;
import org.refusal.stage.DiscoverStage;
import org.refusal.stage.ReportStage;
import org.refusal.stage.StatsStage;
import org.refusal.stage.TrainSaesStage;
import org.refusal.subject.Subject;

/**
 * A results folder in the form that the original project left: names, keys and nesting are its, the {@code .pt} files are
 * PyTorch's own. Activations: residuals_2 x = i / 8 - 1 and residuals_3 2 x, both [4, 6] in float16.
 */
class OriginalImportTest {
  private static final String MODEL = "toy/planted model";

  @TempDir Path folder;

  private static Path real(String name) {
    try {
      return Path.of(OriginalImportTest.class.getResource("/torch/" + name).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private Path old(String activations, String category, String labels) throws IOException {
    Path old = folder.resolve("old");
    for (String name : List.of("activations", "saes/toy-planted_model", "circuits", "model_outputs", "refusal_labels",
        "evaluation_stats")) {
      Files.createDirectories(old.resolve(name));
    }
    String stem = "toy-planted_model_" + category;
    Files.copy(real(activations), old.resolve("activations").resolve(stem + "_activations.pt"));
    Files.copy(real("residuals_2_sae.pt"), old.resolve("saes/toy-planted_model/residuals_2_sae.pt"));
    Files.writeString(old.resolve("refusal_labels").resolve(stem + "_refusal.json"), labels);
    Files.writeString(
        old.resolve("model_outputs").resolve(stem + "_outputs.json"),
        """
        {
          "model_name": "toy/planted model",
          "category": "%s",
          "prompts": ["p0", "p1", "p2", "p3"],
          "outputs": ["Sure, here it is", "I'm sorry, I cannot", "Step one", "It is against policy"],
          "refusal_labels": %s
        }"""
            .formatted(category, labels));
    return old;
  }

  private Path old() throws IOException {
    Path old = old("two_hooks.pt", "self-harm", "[false, true, false, true]");
    Files.writeString(
        old.resolve("circuits/toy-planted_model_self-harm_toxic_circuit.json"),
        """
        {
          "nodes": {
            "sae_feature_2_0_4": {
              "feature_id": "4",
              "layer": 2,
              "position": 0,
              "importance": 0.5,
              "type": "sae_feature"
            }
          },
          "edges": {}
        }""");
    Files.writeString(
        old.resolve("category_weights.json"),
        "{\"toxic_counts\": {\"self-harm\": 2}, \"category_weights\": {\"self-harm\": 1.0}}");
    return old;
  }

  private static Map<String, String> digests(Path root) throws IOException {
    Map<String, String> digests = new TreeMap<>();
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        digests.put(root.relativize(file).toString(), Digests.sha256(file));
      }
    }
    return digests;
  }

  private StageContext context() {
    return new StageContext(Progress.none(), folder.resolve("work"), 1);
  }

  private <C extends Record> C bind(Class<C> type, Path results, String yaml) throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("c.yaml"),
            "output: {result_dir: " + results + "}\n"
                + (yaml.contains("model:") ? "" : "model: {name: " + MODEL + "}\n")
                + yaml);
    return Binder.bind(type, Binder.file(file), Map.<String, String>of()::get);
  }

  @Test
  void inPlaceItAddsFilesAndChangesNone() throws IOException {
    Path old = old();
    Map<String, String> before = digests(old);

    List<String> lines = OriginalImport.folder(old, old, MODEL, Progress.none());

    assertThat(digests(old)).containsAllEntriesOf(before);
    assertThat(lines).anyMatch(line -> line.startsWith("self-harm") && line.contains("4 prompts (2 toxic), 1 row each of width 6"));
    assertThat(lines).contains("residuals_2    autoencoder: d_in 6, d_sae 12, k 3", "1 circuits, read as they are");
    ResultLayout layout = new ResultLayout(old);
    Collected collected = Collected.open(layout, MODEL, List.of());
    assertThat(collected.categories()).containsExactly("self-harm");
    List<ModelOutput> outputs = collected.outputs("self-harm");
    assertThat(outputs).extracting(ModelOutput::prompt).containsExactly("p0", "p1", "p2", "p3");
    assertThat(outputs).extracting(output -> output.label().toxic()).containsExactly(false, true, false, true);
    assertThat(outputs).extracting(ModelOutput::behaviour)
        .containsExactly(Behaviour.COMPLIANCE, Behaviour.REFUSAL, Behaviour.COMPLIANCE, Behaviour.REFUSAL);
    try (ActivationStore store = collected.activations()) {
      assertThat(store.hookPoints()).containsExactly(HookPoint.residuals(2), HookPoint.residuals(3));
      StoredPrompt third = store.find(new PromptKey("self-harm", 2)).orElseThrow();
      float[] expected = new float[6];
      for (int i = 0; i < 6; i++) {
        expected[i] = (12 + i) / 8f - 1;
      }
      assertThat(store.rows(third, HookPoint.residuals(2))).containsExactly(expected);
      for (int i = 0; i < 6; i++) {
        expected[i] *= 2;
      }
      assertThat(store.rows(third, HookPoint.residuals(3))).containsExactly(expected);
    }
    assertThat(OriginalImport.folder(old, old, MODEL, Progress.none())).as("again").isEqualTo(lines);
  }

  @Test
  void intoAnotherFolderTheOldFilesGoAlong() throws IOException {
    Path fresh = folder.resolve("fresh");

    OriginalImport.folder(old(), fresh, MODEL, Progress.none());

    assertThat(fresh.resolve("circuits/toy-planted_model_self-harm_toxic_circuit.json")).isRegularFile();
    assertThat(fresh.resolve("model_outputs/toy-planted_model_self-harm_outputs.json")).isRegularFile();
    assertThat(Collected.open(new ResultLayout(fresh), MODEL, List.of()).outputs("self-harm")).hasSize(4);
  }

  /** The same circuit from the imported files as by hand from the rows and the weights. */
  @Test
  void discoverReadsItAndFindsTheCircuitOfItsRows() throws IOException {
    Path old = old();
    OriginalImport.folder(old, old, MODEL, Progress.none());
    DiscoverConfig config =
        bind(DiscoverConfig.class, old, """
            circuit: {attribution_method: stats, aggregation_method: none, top_n_per_layer: 3}
            discovery: {separate_safe_toxic: true}
            """);
    String theirs = Files.readString(old.resolve("circuits/toy-planted_model_self-harm_toxic_circuit.json"));

    StageResult result = new DiscoverStage().run(config, context());

    assertThat(result.summary().get(0)).contains("circuit.attribution_method: stats");
    assertThat(old.resolve("original/circuits/toy-planted_model_self-harm_toxic_circuit.json")).as("kept").hasContent(theirs);
    assertThat(names(old.resolve("original"))).containsExactly("toy-planted_model_self-harm_toxic_circuit.json");
    Circuit found =
        CircuitJson.read(old.resolve("circuits/toy-planted_model_self-harm_toxic_circuit.json")).circuit();
    double[] mean = new double[12];
    double[][] latents = {latents(1), latents(3)};
    for (int i = 0; i < 12; i++) {
      double m = (latents[0][i] + latents[1][i]) / 2;
      double variance = (Math.pow(latents[0][i] - m, 2) + Math.pow(latents[1][i] - m, 2)) / 2;
      mean[i] = .7 * m + .3 * variance;
    }
    double[] sorted = mean.clone();
    Arrays.sort(sorted);
    assertThat(found.nodes()).hasSize(3);
    for (int rank = 0; rank < 3; rank++) {
      assertThat(found.nodes().get(rank).importance())
          .isCloseTo(sorted[11 - rank], org.assertj.core.api.Assertions.within(1e-6));
    }
  }

  private static List<String> names(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      return files.filter(Files::isRegularFile).map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  /** What collect and evaluate write over, in the original's forms and in ours. */
  @Test
  void filesOfTheOriginalAreKeptOnceBeforeOursTakeTheirPlace() throws IOException {
    Path old = old();
    Path scores = Files.createDirectories(old.resolve("evaluation"));
    Files.writeString(scores.resolve("m_hate_metrics.json"), "{\"thresholds\": [0.1], \"faithfulness\": [NaN]}");
    Files.writeString(scores.resolve("m_privacy_metrics.json"), "{\"format\": \"refusal-metrics\"}");
    Path ours = Files.createDirectories(folder.resolve("ours/circuits"));
    CircuitJson.write(
        ours.resolve("m_hate_circuit.json"), new Circuit(List.of(), List.of()), Json.mapper().createObjectNode());
    List<String> told = new ArrayList<>();
    OriginalFiles.keep(ours, notes(told));
    assertThat(told).as("our own circuits").isEmpty();
    for (String place : List.of("model_outputs", "refusal_labels", "category_weights.json", "evaluation", "missing")) {
      OriginalFiles.keep(old.resolve(place), notes(told));
    }

    assertThat(names(old.resolve("original"))).containsExactly(
        "category_weights.json", "m_hate_metrics.json", "toy-planted_model_self-harm_outputs.json",
        "toy-planted_model_self-harm_refusal.json");
    assertThat(told).hasSize(4)
        .contains("kept the original project's evaluation/m_hate_metrics.json as original/evaluation/m_hate_metrics.json");
    Files.writeString(scores.resolve("m_hate_metrics.json"), "{\"thresholds\": [0.2]}");
    OriginalFiles.keep(scores, notes(told));
    assertThat(told).as("once").hasSize(4);
    assertThat(old.resolve("original/evaluation/m_hate_metrics.json"))
        .hasContent("{\"thresholds\": [0.1], \"faithfulness\": [NaN]}");
  }

  /** TopK(ReLU(W x + b)), k = 3, by the original's formula from its own file. */
  private double[] latents(int prompt) {
    Map<?, ?> file = (Map<?, ?>) org.refusal.io.TorchFile.read(real("residuals_2_sae.pt"));
    Map<?, ?> state = (Map<?, ?>) file.get("model_state_dict");
    float[] w = ((org.refusal.io.Safetensors.Tensor) state.get("encoder.weight")).floats();
    float[] b = ((org.refusal.io.Safetensors.Tensor) state.get("encoder.bias")).floats();
    double[] values = new double[12];
    for (int i = 0; i < 12; i++) {
      values[i] = b[i];
      for (int j = 0; j < 6; j++) {
        values[i] += w[i * 6 + j] * ((prompt * 6 + j) / 8.0 - 1);
      }
      values[i] = Math.max(0, values[i]);
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    for (int i = 0; i < 12; i++) {
      values[i] = values[i] >= sorted[9] ? values[i] : 0;
    }
    return values;
  }

  @Test
  void trainSaesAnalyzeStatsAndReportReadItToo() throws IOException {
    Path old = old();
    OriginalImport.folder(old, old, MODEL, Progress.none());
    new TrainSaesStage().run(
        bind(TrainSaesConfig.class, old, """
            model: {name: "toy/planted model", activation_layers: [residuals_3]}
            sae: {hidden_dim: 8, k: 2, variant: legacy}
            training: {epochs: 2, batch_size: 2, use_category_weights: true}
            """),
        context());
    assertThat(old.resolve("saes/toy-planted_model/residuals_3/cfg.json")).isRegularFile();
    DiscoverConfig analyze =
        bind(DiscoverConfig.class, old, "circuit: {attribution_method: stats}\nanalysis: {generate_visualizations: false}\n");
    assertThat(new AnalyzeStage().run(analyze, context()).summary()).anyMatch(line -> line.startsWith("toxic-toxic"));
    StatsConfig stats = bind(StatsConfig.class, old, "stats: {legacy: true, permutations: 50, bootstrap: 50}\n");
    assertThat(new StatsStage().run(stats, context()).summary()).anyMatch(line -> line.contains("legacy: observed"));
    assertThat(Json.read(new ResultLayout(old).stats(MODEL)).path("verdict").path("answer").asText())
        .isEqualTo("INCONCLUSIVE");
  }

  /** Of a folder with nothing but circuits: what can be compared is, what needs autoencoders is left out and said. */
  @Test
  void circuitsAloneAreComparedAndReported() throws IOException {
    Path circuits = Files.createDirectories(folder.resolve("old/circuits"));
    String[] categories = {"hate", "privacy", "sexual"};
    int[] second = {5, 5, 6};
    for (int i = 0; i < categories.length; i++) {
      Files.writeString(
          circuits.resolve("toy-planted_model_" + categories[i] + "_toxic_circuit.json"),
          """
          {"nodes": {
            "sae_feature_2_0_4": {"feature_id": "4", "layer": 2, "position": 0, "importance": 0.5, "type": "sae_feature"},
            "sae_feature_3_0_%1$d": {"feature_id": "%1$d", "layer": 3, "position": 0, "importance": 0.25, "type": "sae_feature"}
          }, "edges": {}}"""
              .formatted(second[i]));
    }
    Path old = folder.resolve("old");
    assertThat(OriginalImport.folder(old, old, MODEL, Progress.none())).contains("3 circuits, read as they are");
    List<String> told = new ArrayList<>();
    StageContext context = new StageContext(notes(told), folder.resolve("work"), 1);
    DiscoverConfig config = bind(DiscoverConfig.class, old, "circuit: {attribution_method: stats}\n");

    StageResult result = new AnalyzeStage().run(config, context);

    assertThat(new AnalyzeStage().inputs(config)).hasSize(4);
    assertThat(told).anyMatch(line -> line.contains("no autoencoders: similarity in decoder space and by chance is left out"));
    assertThat(result.summary().get(0)).startsWith("toxic-toxic").contains("legacy").doesNotContain("decoder");
    JsonNode group = Json.read(new ResultLayout(old).similarity(MODEL)).path("groups").path("toxic_toxic");
    JsonNode jaccard = group.path("measures").path("weighted_jaccard").path("pooled");
    assertThat(jaccard.path(0).path(1).asDouble()).isEqualTo(1);
    assertThat(jaccard.path(0).path(2).asDouble()).isEqualTo(.5); // .5 / (.5 + .25 + .25)
    assertThat(group.path("measures").has("decoder")).isFalse();
    assertThat(group.path("chance")).isEmpty();

    new ReportStage().run(bind(ReportConfig.class, old, ""), context);
    assertThat(Files.readString(new ResultLayout(old).reports().resolve("toy-planted_model_report.md")))
        .contains("earlier project's similarity");
  }

  @Test
  void circuitsWithoutActivationsAreComparedWhateverTheModelRefused() throws IOException {
    Path old = folder.resolve("old");
    Files.createDirectories(old.resolve("model_outputs"));
    Files.createDirectories(old.resolve("circuits"));
    for (String category : List.of("hate", "privacy")) {
      Files.writeString(
          old.resolve("circuits/toy-planted_model_" + category + "_toxic_circuit.json"),
          """
          {"nodes": {
            "sae_feature_2_0_4": {"feature_id": "4", "layer": 2, "position": 0, "importance": 0.5, "type": "sae_feature"}
          }, "edges": {}, "coherence": NaN}""");
      Files.writeString(
          old.resolve("model_outputs/toy-planted_model_" + category + "_outputs.json"),
          """
          {"prompts": ["p0", "p1"], "outputs": ["Sure", "Of course"], "refusal_labels": [false, true], "score": NaN}""");
    }
    assertThat(OriginalImport.folder(old, old, MODEL, Progress.none())).contains("2 circuits, read as they are");

    StageResult result = new AnalyzeStage().run(bind(DiscoverConfig.class, old, ""), context());

    assertThat(result.summary().get(0)).startsWith("toxic-toxic");
    JsonNode group = Json.read(new ResultLayout(old).similarity(MODEL)).path("groups").path("toxic_toxic");
    assertThat(group.path("measures").path("weighted_jaccard").path("pooled").path(0).path(1).asDouble()).isEqualTo(1);
  }

  @Test
  void circuitsOfAModelWithALongerNameAreNotTaken() throws IOException {
    Path old = folder.resolve("old");
    Files.createDirectories(old.resolve("circuits"));
    Files.createDirectories(old.resolve("saes/toy-planted_model_v2"));
    String none = "{\"nodes\": {}, \"edges\": {}}";
    Files.writeString(old.resolve("circuits/toy-planted_model_hate_toxic_circuit.json"), none);
    Files.writeString(old.resolve("circuits/toy-planted_model_v2_hate_toxic_circuit.json"), none);
    assertThat(OriginalImport.folder(old, old, MODEL, Progress.none())).contains("1 circuits, read as they are");
    assertThat(Json.read(old.resolve("splits.json")).path("categories").properties())
        .extracting(Map.Entry::getKey)
        .containsExactly("hate");
  }

  private static Progress notes(List<String> told) {
    return new Progress() {
      @Override
      public Task task(String name, long steps) {
        return Progress.none().task(name, steps);
      }

      @Override
      public void note(String line) {
        told.add(line);
      }
    };
  }

  @Test
  void whatNeedsTokensSaysWhatItLacks() throws IOException {
    Path old = old();
    OriginalImport.folder(old, old, MODEL, Progress.none());

    assertThatThrownBy(() -> Collected.open(new ResultLayout(old), MODEL, List.of()).requireTokens())
        .isInstanceOf(UserException.class)
        .hasMessageContaining("imported from the original project, which keeps no token ids");
  }

  @Test
  void rowsThatAreFewerThanLabelsAreRefusedAndNothingIsWritten() throws IOException {
    Path old = old("two_hooks.pt", "hate", "[true, false, true, false]");
    Files.writeString(
        old.resolve("model_outputs/toy-planted_model_hate_outputs.json"),
        "{\"prompts\": [\"a\",\"b\",\"c\",\"d\",\"e\"], \"outputs\": [\"\",\"\",\"\",\"\",\"\"],"
            + " \"refusal_labels\": [true, false, true, false, true]}");
    Files.writeString(old.resolve("refusal_labels/toy-planted_model_hate_refusal.json"), "[true, false, true, false, true]");
    Map<String, String> before = digests(old);

    assertThatThrownBy(() -> OriginalImport.folder(old, old, MODEL, Progress.none()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("residuals_2 has 4 rows where")
        .hasMessageContaining("tells of 5 prompts: which row belongs to which prompt is lost");
    assertThat(digests(old)).isEqualTo(before);
  }

  @Test
  void hookPointsOfDifferentShapesAreRefused() throws IOException {
    Path old = old("activations.pt", "hate", "[true, false, true, false]");

    assertThatThrownBy(() -> OriginalImport.folder(old, old, MODEL, Progress.none()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("residuals_3: F16 [4, 1, 6], but the first hook point has F16 [4, 6]");
  }

  @Test
  void labelsThatContradictTheOutputsAreRefused() throws IOException {
    Path old = old();
    Files.writeString(old.resolve("refusal_labels/toy-planted_model_self-harm_refusal.json"), "[true, true, false, true]");

    assertThatThrownBy(() -> OriginalImport.folder(old, old, MODEL, Progress.none()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("its 4 labels are not the 4 of");
  }

  @Test
  void withoutLabelsAndOutputsNothingTellsThePrompts() throws IOException {
    Path old = old();
    Files.delete(old.resolve("refusal_labels/toy-planted_model_self-harm_refusal.json"));
    Files.delete(old.resolve("model_outputs/toy-planted_model_self-harm_outputs.json"));

    assertThatThrownBy(() -> OriginalImport.folder(old, old, MODEL, Progress.none()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("no such file, and no");
  }

  @Test
  void oneFileOfActivationsWithItsLabels() throws IOException {
    Path results = folder.resolve("results");
    Path labels = Files.writeString(folder.resolve("labels.json"), "[true, false, true, false]");

    List<String> lines =
        OriginalImport.activations(real("two_hooks.pt"), labels, results, MODEL, "hate", Progress.none());

    assertThat(lines.get(0)).contains("which does not name the prompts");
    Collected collected = Collected.open(new ResultLayout(results), MODEL, List.of());
    assertThat(collected.outputs("hate")).extracting(output -> output.label().toxic())
        .containsExactly(true, false, true, false);
    DiscoverConfig byBehaviour =
        bind(DiscoverConfig.class, results,
            "circuit: {attribution_method: stats}\ndiscovery: {label_source: behaviour}\n");
    Subject subject = Subject.of(results, byBehaviour.model(), List.of());
    assertThatThrownBy(() -> new LegacyCircuits(byBehaviour, subject, context()).run())
        .isInstanceOf(UserException.class)
        .hasMessageContaining("no answers of the model were kept for hate");
    Path more = Files.writeString(folder.resolve("more.json"), "[false, false, true, true]");
    OriginalImport.activations(real("two_hooks.pt"), more, results, MODEL, "violence", Progress.none());
    assertThat(Collected.open(new ResultLayout(results), MODEL, List.of()).categories())
        .containsExactly("hate", "violence");
  }

  @Test
  void aFolderOfCollectIsNotMixedWithOldResults() throws IOException {
    Path results = folder.resolve("mine");
    Json.write(new ResultLayout(results).splits(), Map.of("seed", 1, "categories", Map.of()));

    assertThatThrownBy(() -> OriginalImport.folder(old(), results, MODEL, Progress.none()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("this folder holds results of collect");
  }

  @Test
  void aStageOnAFolderNotYetImportedSaysHow() throws IOException {
    Path old = old();

    assertThatThrownBy(() -> Collected.open(new ResultLayout(old), MODEL, List.of()))
        .isInstanceOfSatisfying(UserException.class, e ->
            assertThat(e.advice().orElseThrow()).contains("refusal import " + old + " --model toy/planted model"));
  }
}
