package org.refusal.stage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.config.ReportConfig;
import org.refusal.model.Models;
import org.refusal.original.ReportLegacy;
import org.refusal.report.Markdown;
import org.refusal.report.Renderer;
import org.refusal.report.ReportBasis;
import org.refusal.report.ReportCausal;
import org.refusal.report.ReportCircuits;
import org.refusal.report.ReportPage;
import org.refusal.report.ReportSources;
import org.refusal.report.ReportVerdict;
import org.refusal.report.TransferFigures;
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;
import org.refusal.run.RunManifest;
import org.refusal.run.Stage;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;

/** All of it on one page: verdict, evidence, tables and figures from the files of the earlier stages. */
public final class ReportStage implements Stage<ReportConfig> {
  static final String NAME = "report";
  private static final Map<String, String> EXTENSIONS = Map.of("markdown", "md", "html", "html", "pdf", "pdf");

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String summary() {
    return "What do we know? A report in Markdown, HTML and PDF from all the other stages' files.";
  }

  @Override
  public int version() {
    return 2;
  }

  @Override
  public Class<ReportConfig> configType() {
    return ReportConfig.class;
  }

  @Override
  public Path resultDir(ReportConfig config) {
    return Path.of(config.output().resultDir());
  }

  private ReportSources sources(ReportConfig config) {
    ResultLayout layout = new ResultLayout(resultDir(config));
    return new ReportSources(
        layout, Models.name(config.model()), Path.of(config.model().name()), Lineage.of(layout));
  }

  @Override
  public List<Path> inputs(ReportConfig config) {
    return sources(config).files();
  }

  @Override
  public StageResult run(ReportConfig config, StageContext context) {
    ReportSources sources = sources(config);
    if (sources.files().isEmpty()) {
      throw UserException.badData(
          "%s: holds nothing about %s to report".formatted(resultDir(config), sources.model()),
          "run the other stages first: refusal run --config ...");
    }
    Path stem = stem(config, sources);
    String title =
        config.report().title().isEmpty() ? "Is refusal one circuit? " + sources.model() : config.report().title();
    Path figures = config.report().noVisualizations() ? null : sources.layout().visualizations(sources.model());
    ReportPage page = new ReportPage(stem.toAbsolutePath().getParent(), figures);
    compose(page, sources, title);
    List<Path> outputs = new ArrayList<>(page.drawn());
    List<Path> reports = write(config, stem, title, page.text().toString());
    outputs.addAll(reports);
    return new StageResult(outputs, reports.stream().map(file -> "report: " + file).toList());
  }

  private static void compose(ReportPage page, ReportSources sources, String title) {
    List<String> missing = new ArrayList<>();
    page.text().heading(1, title);
    Optional<JsonNode> stats = sources.stats();
    ReportVerdict verdict = stats.map(json -> new ReportVerdict(page, json)).orElse(null);
    if (verdict == null) {
      page.text().quote("**No verdict yet.** The statistics have not been run.", List.of());
      missing.add("verdict and statistics (`refusal stats`)");
    } else {
      verdict.headline();
      sources.truth().ifPresent(verdict::truth);
      verdict.profile();
      verdict.pairs();
    }
    ReportCausal causal = new ReportCausal(page);
    sources.transfer().ifPresentOrElse(
        transfer ->
            causal.transfer(
                transfer, verdict == null ? Optional.empty() : verdict.decisionPoint(),
                TransferFigures.of(stats.map(json -> json.path("tests")).orElse(MissingNode.getInstance()))),
        () -> missing.add("causal transfer (`refusal evaluate`)"));
    ReportBasis basis = new ReportBasis(page);
    sources.collect().ifPresentOrElse(
        basis::behaviour, () -> missing.add("behaviour of the model (`refusal collect`)"));
    ReportCircuits circuits = new ReportCircuits(page);
    sources.checks().ifPresentOrElse(
        checks -> {
          circuits.circuits(sources.circuits());
          circuits.check(checks);
        },
        () -> missing.add("circuits (`refusal discover`)"));
    sources.similarity().ifPresentOrElse(
        circuits::similarity, () -> missing.add("similarity of circuits (`refusal analyze`)"));
    var metrics = sources.metrics();
    if (metrics.isEmpty()) {
      missing.add("faithfulness and side effects (`refusal evaluate`, when there is something to evaluate)");
    } else {
      causal.faithfulness(metrics);
      causal.sideEffects(metrics);
    }
    if (verdict != null) {
      verdict.statistics();
    }
    new ReportLegacy(page).write(sources);
    var autoencoders = sources.autoencoders();
    if (autoencoders.isEmpty()) {
      missing.add("quality of the autoencoders (`refusal train-saes`)");
    } else {
      basis.autoencoders(autoencoders);
    }
    basis.methods(sources);
    if (verdict != null) {
      verdict.thresholds();
    }
    basis.provenance(
        RunManifest.all(sources.layout()), Stages.names().stream().filter(stage -> !stage.equals(NAME)).toList());
    if (!missing.isEmpty()) {
      page.text().heading(2, "What is missing");
      page.text().list(missing);
    }
  }

  /**
   * Path of the report without extension. An output that ends in .md, .html or .pdf is a file, any other a folder.
   */
  private static Path stem(ReportConfig config, ReportSources sources) {
    String name = ResultLayout.fileName(sources.model()) + "_report";
    if (config.output().file() == null) {
      return sources.layout().reports().resolve(name);
    }
    Path output = Path.of(config.output().file());
    String last = output.getFileName().toString();
    int dot = last.lastIndexOf('.');
    boolean file = dot > 0 && EXTENSIONS.containsValue(last.substring(dot + 1)) && !Files.isDirectory(output);
    return file ? output.resolveSibling(last.substring(0, dot)) : output.resolve(name);
  }

  private static List<Path> write(ReportConfig config, Path stem, String title, String markdown) {
    List<String> formats =
        config.report().format().equals("all") ? List.of("markdown", "html", "pdf") : List.of(config.report().format());
    String html =
        formats.equals(List.of("markdown"))
            ? ""
            : Renderer.html(title, markdown, stem.toAbsolutePath().getParent());
    List<Path> files = new ArrayList<>();
    for (String format : formats) {
      Path file = stem.resolveSibling(stem.getFileName() + "." + EXTENSIONS.get(format));
      switch (format) {
        case "markdown" -> AtomicFiles.writeString(file, markdown);
        case "html" -> AtomicFiles.writeString(file, html);
        default -> AtomicFiles.write(file, out -> Renderer.pdf(html, out));
      }
      files.add(file);
    }
    return files;
  }
}
