package org.refusal.stage;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.config.AnalyzeDataConfig;
import org.refusal.data.Balancer;
import org.refusal.data.Category;
import org.refusal.data.DataAnalysis;
import org.refusal.data.DataAnalysis.Counts;
import org.refusal.data.DataAnalysis.Lengths;
import org.refusal.data.OrBench;
import org.refusal.io.Json;
import org.refusal.plot.BarChart;
import org.refusal.plot.BarChart.Bars;
import org.refusal.plot.Figure;
import org.refusal.plot.FigureFiles;
import org.refusal.plot.Theme;
import org.refusal.report.ScaledFigure;
import org.refusal.run.ResultLayout;
import org.refusal.run.Stage;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;

/** What is in the prompts: counts, lengths, duplicates, and what balancing would leave. */
public final class AnalyzeDataStage implements Stage<AnalyzeDataConfig> {
  public static final String STATISTICS = "data_statistics.json";

  @Override
  public String name() {
    return "analyze-data";
  }

  @Override
  public String summary() {
    return "What is in the prompts? Counts, lengths, duplicates and balance per category.";
  }

  @Override
  public int version() {
    return 2;
  }

  @Override
  public Class<AnalyzeDataConfig> configType() {
    return AnalyzeDataConfig.class;
  }

  @Override
  public Path resultDir(AnalyzeDataConfig config) {
    return Path.of(config.output().resultDir());
  }

  @Override
  public List<Path> inputs(AnalyzeDataConfig config) {
    return datasetFiles(config.dataset().path());
  }

  static List<Path> datasetFiles(String folder) {
    List<Path> files = new TreeSet<>(OrBench.FILES.values()).stream().map(name -> Path.of(folder, name)).toList();
    for (Path file : files) {
      if (!Files.isRegularFile(file)) {
        throw UserException.badData(
            file + ": " + AtomicFiles.missing(file),
            "refusal download --data or-bench fetches the prompts; --dataset-dir names any folder with the same three files");
      }
    }
    return files;
  }

  @Override
  public StageResult run(AnalyzeDataConfig config, StageContext context) {
    AnalyzeDataConfig.Dataset dataset = config.dataset();
    OrBench data = OrBench.load(Path.of(dataset.path()), dataset.categories());
    Balancer.Options balance =
        new Balancer.Options(
            Balancer.Strategy.of(dataset.categoryBalanceStrategy()),
            dataset.includeHard(),
            0,
            dataset.shuffle(),
            config.seed());
    DataAnalysis analysis = DataAnalysis.of(data, balance, config.analysis().minToxicRatioWarning());
    analysis.warnings().forEach(warning -> context.progress().note("warning: " + warning));

    Path folder =
        config.output().dir() == null
            ? new ResultLayout(resultDir(config)).dataAnalysis()
            : Path.of(config.output().dir());
    List<Path> outputs = new ArrayList<>();
    if (config.output().saveStatistics()) {
      Path statistics = folder.resolve(STATISTICS);
      Json.write(statistics, analysis);
      outputs.add(statistics);
    }
    if (config.analysis().generatePlots() && config.output().savePlots()) {
      Theme theme = Theme.named(config.analysis().plots().style());
      for (NamedFigure figure : figures(analysis, theme)) {
        outputs.addAll(FigureFiles.write(
            new ScaledFigure(figure.figure(), config.analysis().plots().figsize()),
            folder, figure.name(), config.analysis().plots().dpi()));
      }
    }
    return new StageResult(outputs, summary(analysis));
  }

  private record NamedFigure(String name, Figure figure) {}

  private static List<NamedFigure> figures(DataAnalysis analysis, Theme theme) {
    List<String> categories = analysis.byCategory().keySet().stream().map(Category::name).toList();
    List<NamedFigure> figures = new ArrayList<>();
    figures.add(
        new NamedFigure(
            "prompts_by_category",
            new BarChart(
                "Prompts by category and label", "prompts", categories,
                List.of(
                    new Bars("safe", counts(analysis, Counts::safe)),
                    new Bars("hard", counts(analysis, Counts::hard)),
                    new Bars("toxic", counts(analysis, Counts::toxic))),
                Double.NaN, theme)));
    figures.add(
        new NamedFigure(
            "toxic_share",
            new BarChart(
                "Share of toxic prompts", "toxic / all prompts", categories,
                List.of(new Bars("toxic share", counts(analysis, Counts::toxicRatio))),
                analysis.overall().toxicRatio(), theme)));
    figures.add(
        new NamedFigure(
            "prompt_lengths",
            new BarChart(
                "Prompt length in words: median with quartiles", "words", categories,
                List.of(
                    new Bars(
                        "words",
                        lengths(analysis, lengths -> lengths.words().median()),
                        lengths(analysis, lengths -> lengths.words().q25()),
                        lengths(analysis, lengths -> lengths.words().q75()))),
                Double.NaN, theme)));
    if (!analysis.balanced().isEmpty()) {
      figures.add(
          new NamedFigure(
              "balanced_prompts",
              new BarChart(
                  "Prompts after balancing", "prompts", categories,
                  List.of(
                      new Bars(
                          "safe", analysis.balanced().values().stream().mapToDouble(Balancer.Sides::safe).toArray()),
                      new Bars(
                          "toxic", analysis.balanced().values().stream().mapToDouble(Balancer.Sides::toxic).toArray())),
                  Double.NaN, theme)));
    }
    return figures;
  }

  private static double[] counts(DataAnalysis analysis, ToDoubleFunction<Counts> value) {
    return analysis.byCategory().values().stream().mapToDouble(value).toArray();
  }

  private static double[] lengths(DataAnalysis analysis, ToDoubleFunction<Lengths> value) {
    return analysis.byCategory().keySet().stream()
        .mapToDouble(
            category -> {
              Lengths lengths = analysis.lengthsByCategory().get(category);
              return lengths == null ? Double.NaN : value.applyAsDouble(lengths);
            })
        .toArray();
  }

  private static List<String> summary(DataAnalysis analysis) {
    List<String> lines = new ArrayList<>();
    Counts overall = analysis.overall();
    lines.add(
        "%d prompts in %d categories: %d toxic, %d hard, %d safe"
            .formatted(
                overall.total(), analysis.byCategory().size(), overall.toxic(), overall.hard(), overall.safe()));
    analysis.byCategory().forEach(
        (category, counts) ->
            lines.add(
                "  %-16s %6d toxic %6d hard %6d safe   balanced: %s"
                    .formatted(
                        category, counts.toxic(), counts.hard(), counts.safe(),
                        analysis.balanced().containsKey(category)
                            ? analysis.balanced().get(category).text()
                            : "not possible")));
    return lines;
  }
}
