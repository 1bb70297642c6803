package org.refusal.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.pdfbox.Loader;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.text.PDFTextStripper;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.config.ModelSection;
import org.refusal.config.ReportConfig;
import org.refusal.io.Json;
import org.refusal.report.Markdown;
import org.refusal.report.Numbers;
import org.refusal.run.ResultLayout;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;
import org.refusal.verdict.StatsFile;
import org.refusal.verdict.VerdictExamples;

class ReportStageTest {
  @TempDir Path folder;
  private Path model;
  private ResultLayout layout;
  private ReportFolders folders;

  @BeforeEach
  void makeFolders() throws IOException {
    model = Files.createDirectories(folder.resolve("planted/tiny"));
    layout = new ResultLayout(folder.resolve("results"));
    folders = new ReportFolders(layout, model);
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

  private String report() throws IOException {
    run(config("markdown", true, null));
    return Files.readString(layout.reports().resolve("tiny_report.md"));
  }

  /** The least reliability of the vectors in the example is .97. */
  @Test
  void similarityOfUnreliableVectorsIsLeftOutOfTheProfile() throws Exception {
    for (double least : new double[] {.96, .98}) {
      folders.judged(VerdictExamples.mixed());
      ObjectNode stats = (ObjectNode) Json.read(layout.stats("tiny"));
      ((ObjectNode) stats.at("/verdict/thresholds")).put("min_reliability", least);
      Json.write(layout.stats("tiny"), stats);
      assertThat(report())
          .contains("| residuals_15 | %s | – | – | undecided |".formatted(least < .97 ? "0.91 [0.84, 0.97]" : "–"));
    }
  }

  @Test
  void allPartsInAllFormats() throws Exception {
    folders.everything();

    StageResult result = run(config("all", false, null));

    String markdown = Files.readString(layout.reports().resolve("tiny_report.md"));
    assertThat(markdown)
        .contains("> **MIXED**: in this model two mechanisms stop all four categories")
        .contains("> - The model decides at residuals\\_15: ")
        .contains("| verdict | MIXED | MIXED | yes |")
        .contains("| clusters | {violence, self-harm} {hate, privacy} | {hate, privacy} {self-harm, violence} | yes |")
        .contains("| m tells refused from answered prompts | AUC 0.97 \\[0.91, 0.99\\], at least 0.80")
        .contains("| hate – privacy | 1.01 [0.96, 1.06] | shared | – |", "| hate – violence | 0.09 [-0.01, 0.19] | distinct | – |")
        .contains("So refusal has 2 causes, each shared by a cluster of categories: at residuals\\_15, pairs of categories (6 in all)")
        .contains("| residuals_15 | effect | 0.81 [0.75, 0.88] | 0.02 [0.01, 0.03] | 0.60 [0.55, 0.65] |")
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
      assertThat(new PDFTextStripper().getText(pdf)).contains("MIXED", "Truth beside finding", "0.60 [0.55, 0.65]");
    }
    assertThat(result.outputs()).allMatch(Files::isRegularFile).hasSizeGreaterThan(8);
  }

  @Test
  void runAgainItIsTheSameToTheByte() throws Exception {
    folders.everything();
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
    folders.collected();

    run(config("markdown", true, null));

    String markdown = Files.readString(layout.reports().resolve("tiny_report.md"));
    assertThat(markdown)
        .contains("> **No verdict yet.**", "## What is missing")
        .contains("(`refusal stats`)", "(`refusal discover`)", "(`refusal analyze`)", "(`refusal train-saes`)")
        .doesNotContain("![");
    assertThat(layout.visualizations("tiny")).doesNotExist();
  }

  @Test
  void anOpenAnswerSaysWhatRemainsWhyAndWhatToDo() throws Exception {
    folders.judged(VerdictExamples.open());
    assertThat(report())
        .contains("> **INCONCLUSIVE**: this evidence does not settle", "### What is still possible\n\nMONOLITHIC, GRADED.\n")
        .contains("### Why it is not settled\n\n- the intervals do not settle it: at residuals\\_15")
        .contains("### What would settle it, the cheapest first\n\n- add refused prompts: about 48 held out")
        .contains("- Left out: self\\_harm (4 refused discovery prompts, fewer than 20)\n")
        .contains("| pairs of categories | 6 shared, 0 distinct, 0 partial, 0 open | **no** |");

    folders.judged(VerdictExamples.undecided());
    assertThat(report())
        .as("a command stands in code style")
        .contains("- capture them: `refusal run --config ... --set model.activation_layers=[residuals_8-15]`\n")
        .contains("no answer is ruled out.", "Decision layer: none", "No causal transfer of pairs was measured")
        .contains("| residuals_8 | 0.04 [0.00, 0.10] | weak |");
  }

  @Test
  void everyLayerIsDrawnWhereItWasMeasured() throws Exception {
    folders.judged(VerdictExamples.monolithic());
    run(config("markdown", false, null));
    assertThat(layout.visualizations("tiny").resolve("report_layers.png")).isNotEmptyFile();
    assertThat(layout.visualizations("tiny").resolve("report_pairs_tree.png")).isNotEmptyFile();

    folders.judged(VerdictExamples.undecided());
    Files.delete(layout.visualizations("tiny").resolve("report_layers.png"));
    run(config("markdown", false, null));
    assertThat(layout.visualizations("tiny").resolve("report_layers.png")).doesNotExist();
  }

  /** Numbers that the text itself brings: levels of intervals, a scale's ends, numbers of pairs of a kind. */
  private static final Set<String> OWN = Set.of("95", "90", "0", "1");

  @Test
  void everyFigureOfTheVerdictStandsInTheFileItCameFrom() throws Exception {
    for (StatsFile example :
        List.of(VerdictExamples.monolithic(), VerdictExamples.mixed(), VerdictExamples.open(), VerdictExamples.undecided())) {
      folders.judged(example);
      Set<String> known = new HashSet<>(OWN);
      figures(Json.read(layout.stats("tiny")), known);
      String report = report();
      String section = report.substring(0, report.indexOf("\n## Statistics"));
      List<String> unknown = new ArrayList<>();
      Matcher figure = FIGURE.matcher(section.replaceAll("residuals\\\\?_\\d+(-\\d+)?", ""));
      while (figure.find()) {
        if (!known.contains(figure.group())) {
          unknown.add(figure.group());
        }
      }
      assertThat(unknown).as(example.verdict().headline()).isEmpty();
      assertThat(section).contains(Markdown.escape(example.verdict().headline().substring(example.verdict().answer().name().length())));
    }
  }

  private static final Pattern FIGURE = Pattern.compile("-?\\d+(\\.\\d+)?");

  /** Every number of the tree as the report may round it, and every one in its sentences. */
  private static void figures(JsonNode node, Set<String> known) {
    if (node.isNumber()) {
      for (int decimals : new int[] {0, 2, 3, 4}) {
        known.add(Numbers.of(node.doubleValue(), decimals));
      }
    } else if (node.isTextual()) {
      FIGURE.matcher(node.asText().replaceAll("residuals_\\d+(-\\d+)?", "")).results().map(MatchResult::group).forEach(known::add);
    } else {
      node.forEach(child -> figures(child, known));
    }
  }

  /** The original's own files, as its scripts left them. */
  @Test
  void whatTheOriginalWroteIsShownAsItsOwn() throws Exception {
    folders.collected();
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
    folders.collected();

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
