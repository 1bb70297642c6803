package org.refusal.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.pdfbox.Loader;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.text.PDFTextStripper;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.attribution.AttributionCheck;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.config.ModelSection;
import org.refusal.config.ReportConfig;
import org.refusal.evaluation.BehaviourTransfer;
import org.refusal.evaluation.DecisionProfile;
import org.refusal.evaluation.Interval;
import org.refusal.evaluation.Refusals;
import org.refusal.evaluation.Share;
import org.refusal.evaluation.TransferFile;
import org.refusal.evaluation.TransferMatrix;
import org.refusal.io.Json;
import org.refusal.run.ResultLayout;
import org.refusal.stage.CollectReport.Rate;
import org.refusal.stage.CollectReport.RefusalToken;
import org.refusal.stage.CollectReport.Separation;
import org.refusal.stage.CollectReport.Sides;

class ReportStageTest {
  private static final HookPoint AT = HookPoint.residuals(2);
  private static final Interval NONE = new Interval(Double.NaN, Double.NaN, Double.NaN, 0);

  @TempDir Path folder;
  private Path model;
  private ResultLayout layout;

  @BeforeEach
  void folders() throws IOException {
    model = Files.createDirectories(folder.resolve("planted/tiny"));
    layout = new ResultLayout(folder.resolve("results"));
  }

  private ReportConfig config(String format, boolean noFigures, Path output) {
    return new ReportConfig(
        new ModelSection(model.toString(), "auto", "auto", false, null, List.of()),
        new ReportConfig.Report(format, "", noFigures),
        new ReportConfig.Output(layout.root().toString(), output == null ? null : output.toString()),
        42);
  }

  private StageResult run(ReportConfig config) {
    return new ReportStage().run(config, new StageContext(Progress.none(), folder.resolve("work"), 1));
  }

  private void collected() {
    Rate refused = new Rate(20, 19, 1, .95, .76, .99, 20);
    Rate answered = new Rate(20, 0, 0, 0, 0, .16, 20);
    Map<String, Sides> categories = new LinkedHashMap<>();
    categories.put("hate", new Sides(refused, null, answered));
    categories.put("self_harm", new Sides(refused, null, answered));
    Json.write(
        layout.collectReport("tiny"),
        new CollectReport(
            "tiny", "the model's own", List.of(new RefusalToken(6, "Sorry")), true,
            new Separation(.97, .91, .99, 38, 42), categories, new Sides(refused, null, answered), answered, "all",
            List.of("hate/3"), Map.of(), 100, 200, List.of(), null,
            new CollectReport.DefaultRefusal(30, 3, .1, .03, .26)));
  }

  private void attributed() {
    AttributionCheck.write(
        layout.attributionCheck("tiny"),
        List.of(
            new AttributionCheck("hate", AT, "ig", 1.01, .9, 1.1, .6, .3, .1, -8, 8, .61, 3, 400, 14),
            new AttributionCheck("self_harm", AT, "ig", 1.9, 1.6, 2.1, .6, .3, .1, -8, 8, .61, 3, 400, 14)));
    CircuitJson.write(
        layout.circuitsFolder().resolve(ResultLayout.circuitFile("tiny", "hate", "_toxic")),
        new Circuit(List.of(new Circuit.ScoredNode(new LatentNode(AT, 7), -2, 2)), List.of()),
        Json.mapper().createObjectNode());
  }

  private void transferred() {
    TransferMatrix effect =
        new TransferMatrix(
            new int[] {1, 1}, new double[2][2][0], new double[0][][], new double[0][][][],
            new double[][] {{1.02, .04}, {.03, .98}},
            new Interval(1, .95, 1.05, 100), new Interval(.01, 0, .02, 100), new Interval(.96, .9, 1.02, 100), null);
    TransferMatrix weak =
        new TransferMatrix(
            new int[] {0, 0}, new double[2][2][0], new double[0][][], new double[0][][][],
            new double[][] {{0, 0}, {0, 0}}, new Interval(0, 0, 0, 100), NONE, NONE, "the own drop is below .1");
    DecisionProfile decision =
        new DecisionProfile(
            new double[2][0], new double[2][0], new double[] {1, 1}, new Interval(1, .9, 1.1, 100),
            new Interval(1, .9, 1.1, 100));
    Share gone = new Share(0, 0, .49, 4);
    Share kept = new Share(1, .51, 1, 4);
    BehaviourTransfer seen =
        new BehaviourTransfer(
            new boolean[2][2][4], new boolean[1][2][4], new Share[][] {{gone, kept}, {kept, gone}}, gone, kept, kept,
            new double[][] {{1, 0}, {0, 1}}, new Interval(1, 1, 1, 100), new Interval(0, 0, 0, 100),
            new Interval(.97, .9, 1, 100), null);
    Map<String, TransferMatrix> forms = new LinkedHashMap<>();
    forms.put("effect", effect);
    forms.put("difference_of_means", weak);
    TransferFile.of(
            "tiny", List.of("hate", "self_harm"), 42, 100, Map.of(),
            new Refusals(20, new long[2][4], new boolean[2][4], new Share[] {kept, kept}),
            Map.of(AT.name(), new TransferFile.AtPoint(decision, 2, forms, Map.of("effect", seen))))
        .write(layout.transfer("tiny"));
  }

  private void judged(String verdict) throws IOException {
    String estimate = "{\"value\": 0.1, \"interval\": {\"low\": 0.05, \"high\": 0.15, \"level\": 0.95}}";
    String undefined = "{\"value\": \"NaN\", \"interval\": {\"low\": \"NaN\", \"high\": \"NaN\", \"level\": 0.95}}";
    String vectors =
        """
        {"similarity": [[1.0, 0.1], [0.1, 1.0]], "mean_similarity": EST, "leaf_order": [0, 1],
         "reliability": {"reliability": [0.97, 0.95]},
         "pairs": [{"i": 0, "j": 1, "similarity": 0.1, "interval95": {"low": 0.05, "high": 0.15}, "kind": "DISTINCT",
                    "max_t": 0.0005}],
         "separation": {"statistic": 0.8, "p": 0.0005, "r2": "NaN"}, "merges": [],
         "permanova": {"statistic": 50.0, "p": 0.0005}, "permdisp": {"statistic": 1.0, "p": 0.3}, "topic": null}""";
    String text =
        """
        {"format": "refusal-stats", "version": 1, "model": "tiny",
         "verdict": VERDICT,
         "tests": {"categories": ["hate", "self_harm"], "auc": {"value": 0.97, "interval": {"low": 0.91, "high": 0.99}},
           "hook_points": [{"hook_point": "residuals_2", "effect": VECTORS, "latents": null}], "pooled_latents": null}}
        """
            .replace("VERDICT", verdict)
            .replace("VECTORS", vectors)
            .replace("UNDEF", undefined)
            .replace("EST", estimate);
    Files.createDirectories(layout.stats("tiny").getParent());
    Files.writeString(layout.stats("tiny"), text);
  }

  private static final String MODULAR =
      """
      {"answer": "MODULAR", "reasons": ["1 of 1 pairs are distinct at residuals_2"], "clusters": [["hate"], ["self_harm"]],
       "decision_layer": "residuals_2", "first_shared_layer": null, "remark": "latents: split",
       "profile": [{"hook_point": "residuals_2", "decided": EST, "readout_rank": 2, "s_effect": EST, "s_latents": UNDEF,
         "d": {"effect": EST}, "completeness": EST, "prompt_share": UNDEF, "cause": "SEVERAL"}],
       "thresholds": {"decided": 0.5, "cluster_cut": 0.65}}""";

  private void everything() throws IOException {
    collected();
    attributed();
    transferred();
    judged(MODULAR);
    SimilarityFile.nothing("tiny", "analysis.compare_categories is false").write(layout.similarity("tiny"));
    Files.writeString(
        model.resolve("truth.json"),
        """
        {"verdict": "MODULAR", "category_clusters": [["self_harm"], ["hate"], ["privacy"]], "first_shared_layer": null,
         "leak": 0.0}""");
  }

  /** The least reliability of the vectors in {@link #judged} is .95. */
  @Test
  void similarityOfUnreliableVectorsIsLeftOutOfTheProfile() throws Exception {
    everything();
    for (String least : List.of("0.9", "0.96")) {
      judged(MODULAR.replace("\"cluster_cut\": 0.65", "\"cluster_cut\": 0.65, \"min_reliability\": " + least));
      run(config("markdown", true, null));
      assertThat(Files.readString(layout.reports().resolve("tiny_report.md")))
          .contains(
              "| residuals_2 | 0.10 [0.05, 0.15] | 2 | %s | 0.10 [0.05, 0.15] |"
                  .formatted(least.equals("0.9") ? "0.10 [0.05, 0.15]" : "–"));
    }
  }

  @Test
  void allPartsInAllFormats() throws Exception {
    everything();

    StageResult result = run(config("all", false, null));

    String markdown = Files.readString(layout.reports().resolve("tiny_report.md"));
    assertThat(markdown)
        .contains("> **MODULAR.** Where the model decides, every category has a cause of refusal of its own.")
        .contains("> - 1 of 1 pairs are distinct at residuals\\_2")
        .contains("| verdict | MODULAR | MODULAR | yes |")
        .contains("| clusters | {self\\_harm} {hate}")
        .contains("0.10 [0.05, 0.15]")
        .contains("| residuals_2 | effect | 1.00 [0.95, 1.05] | 0.01 [0.00, 0.02] | 0.96 [0.90, 1.02] |")
        .contains("the own drop is below .1")
        .contains(
            "8 prompts, of which 100.0 % are refused without intervention",
            "| residuals_2 | effect | 0.00 [0.00, 0.49] | 1.00 [0.51, 1.00] | 1.00 [0.51, 1.00] | 0.97 [0.90, 1.00] |")
        .contains("| 1.90 [1.60, 2.10] |")
        .contains("Prompts left out because they do not fit the model's context: 1")
        .contains("Nothing was compared: analysis.compare")
        .contains("- faithfulness and side effects (`refusal evaluate`")
        .contains("](../visualizations/tiny/report_profile.png)");
    assertThat(Files.readString(layout.reports().resolve("tiny_report.html")))
        .contains("data:image/png;base64,")
        .contains("Refusal by default: 3 of 30 prompts that ask for nothing (words, greetings, numbers) were refused, 0.10 [0.03, 0.26]");
    try (PDDocument pdf = Loader.loadPDF(layout.reports().resolve("tiny_report.pdf").toFile())) {
      assertThat(new PDFTextStripper().getText(pdf)).contains("MODULAR", "Truth beside finding", "0.96 [0.90, 1.02]");
    }
    assertThat(result.outputs()).allMatch(Files::isRegularFile).hasSizeGreaterThan(8);
  }

  @Test
  void runAgainItIsTheSameToTheByte() throws Exception {
    everything();
    List<Path> outputs = run(config("all", false, null)).outputs();
    Map<Path, byte[]> before = new LinkedHashMap<>();
    for (Path output : outputs) {
      before.put(output, Files.readAllBytes(output));
    }

    run(config("all", false, null));

    for (Path output : outputs) {
      assertThat(Files.readAllBytes(output)).as(output.toString()).isEqualTo(before.get(output));
    }
  }

  @Test
  void whatIsNotThereIsSaid() throws Exception {
    collected();

    run(config("markdown", true, null));

    String markdown = Files.readString(layout.reports().resolve("tiny_report.md"));
    assertThat(markdown)
        .contains("> **No verdict yet.**", "## What is missing")
        .contains("(`refusal stats`)", "(`refusal discover`)", "(`refusal analyze`)", "(`refusal train-saes`)")
        .doesNotContain("![");
    assertThat(layout.visualizations("tiny")).doesNotExist();
  }

  @Test
  void noDecisionLayerIsNoFailure() throws Exception {
    collected();
    judged(
        """
        {"answer": "INCONCLUSIVE", "reasons": ["no refusals", "no decision layer"], "clusters": [],
         "decision_layer": null, "first_shared_layer": null, "remark": "", "profile": [], "thresholds": {}}""");

    run(config("markdown", true, null));

    assertThat(Files.readString(layout.reports().resolve("tiny_report.md")))
        .contains("> **INCONCLUSIVE.** The evidence does not decide.", "> - no refusals", "> - no decision layer")
        .contains("the last captured hook point");
  }

  /** The original's own files, as its scripts left them. */
  @Test
  void whatTheOriginalWroteIsShownAsItsOwn() throws Exception {
    collected();
    Path goldens = Path.of(ReportStageTest.class.getResource("/goldens/reference").toURI());
    JsonNode significance = Json.readPython(goldens.resolve("significance/toxic_circuits_stats.json"));
    JsonNode similarity = Json.readPython(goldens.resolve("similarity/analyze_sized_separate/modularity_analysis.json"));
    Json.write(layout.stats("tiny").resolveSibling("tiny_toxic_circuits_stats.json"), significance);
    Json.write(layout.reports().resolve("tiny/modularity_analysis.json"), similarity);
    Files.createDirectories(layout.root().resolve("evaluation"));
    Files.writeString(
        layout.evaluation("tiny", "hate"),
        "{\"thresholds\": [0.5, 0.25], \"n_nodes\": [3, 7], \"faithfulness\": [0.25, NaN], \"completeness\": [1.0, 0.75]}");
    Files.createDirectories(layout.root().resolve("original/evaluation"));
    Files.writeString(
        layout.root().resolve("original/evaluation/tiny_self_harm_metrics.json"),
        "{\"thresholds\": [0.125], \"n_nodes\": [9], \"faithfulness\": [0.625], \"completeness\": [0.375]}");
    Json.write(layout.splits(), Map.of("categories", Map.of("hate", Map.of(), "self_harm", Map.of())));

    run(config("markdown", true, null));

    String report = Files.readString(layout.reports().resolve("tiny_report.md"));
    assertThat(report).contains("## Legacy numbers").contains("for comparison with its results only");
    String first = significance.path("stats_by_category").fieldNames().next();
    String observed = "%.4f".formatted(significance.path("stats_by_category").path(first).path("observed").asDouble());
    assertThat(report).contains("Significance in the original project's own file");
    assertThat(lines(report, "| " + first)).anyMatch(line -> line.contains(observed.replaceFirst("^0", "")));
    assertThat(report).contains("Similarity in the original project's own file");
    String toxic = "%.2f".formatted(similarity.path("toxic_avg_similarity").asDouble());
    assertThat(lines(report, "| toxic")).anyMatch(line -> line.contains(toxic.replaceFirst("^0", "")));
    assertThat(report).contains("Scores in the original project's own files");
    assertThat(lines(report, "| hate")).anyMatch(line -> line.contains(" 3 ") && line.contains(".25") && line.contains("1.00"));
    assertThat(lines(report, "| self_harm")).as("kept by evaluate").anyMatch(line -> line.contains(" 9 ") && line.contains(".38"));
  }

  private static List<String> lines(String text, String start) {
    return text.lines().filter(line -> line.replace("\\", "").startsWith(start)).toList();
  }

  @Test
  void outputNamesAFileOrAFolder() throws Exception {
    collected();

    run(config("html", true, folder.resolve("out/mine.html")));
    run(config("markdown", true, folder.resolve("elsewhere")));

    assertThat(folder.resolve("out/mine.html")).exists();
    assertThat(folder.resolve("elsewhere/tiny_report.md")).exists();
  }

  @Test
  void nothingToReportIsAnError() {
    assertThatThrownBy(() -> run(config("all", false, null)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("holds nothing about tiny");
  }
}
