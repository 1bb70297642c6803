package org.refusal.stage;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.config.ReportConfig;
import org.refusal.model.Models;
import org.refusal.report.Renderer;
import org.refusal.report.Report;
import org.refusal.report.ReportPage;
import org.refusal.report.ReportSources;
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;
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

  private static Report report() {
    return new Report(Sections.all());
  }

  private ReportSources sources(ReportConfig config) {
    ResultLayout layout = new ResultLayout(resultDir(config));
    return new ReportSources(
        layout, Models.name(config.model()), Path.of(config.model().name()), Lineage.of(layout));
  }

  @Override
  public List<Path> inputs(ReportConfig config) {
    return report().files(sources(config));
  }

  @Override
  public StageResult run(ReportConfig config, StageContext context) {
    ReportSources sources = sources(config);
    if (report().files(sources).isEmpty()) {
      throw UserException.badData(
          "%s: holds nothing about %s to report".formatted(resultDir(config), sources.model()),
          "run the other stages first: refusal run --config ...");
    }
    Path stem = stem(config, sources);
    String title =
        config.report().title().isEmpty() ? "Is refusal one circuit? " + sources.model() : config.report().title();
    Path figures = config.report().noVisualizations() ? null : sources.layout().visualizations(sources.model());
    ReportPage page = new ReportPage(stem.toAbsolutePath().getParent(), figures);
    report().write(title, sources, page);
    List<Path> outputs = new ArrayList<>(page.drawn());
    List<Path> reports = write(config, stem, title, page.markdown());
    outputs.addAll(reports);
    return new StageResult(outputs, reports.stream().map(file -> "report: " + file).toList());
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
