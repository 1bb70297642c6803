package org.refusal.stage;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.refusal.data.Behaviour;
import org.refusal.data.Label;
import org.refusal.data.ModelOutput;
import org.refusal.plot.BarChart;
import org.refusal.plot.FigureFiles;
import org.refusal.plot.Theme;
import org.refusal.stage.CollectReport.Rate;
import org.refusal.stage.CollectReport.Sides;
import org.refusal.stats.Auc;
import org.refusal.stats.Interval;
import org.refusal.stats.Wilson;

/** How often the model refused, with intervals, and how well the metric tells. */
final class RefusalRates {
  private static final double LEVEL = 0.95;
  private static final int DPI = 150;

  private RefusalRates() {}

  static Sides of(List<ModelOutput> outputs) {
    return new Sides(rate(outputs, Label.TOXIC), rate(outputs, Label.HARD), rate(outputs, Label.SAFE));
  }

  private static Rate rate(List<ModelOutput> outputs, Label label) {
    List<ModelOutput> side = outputs.stream().filter(output -> output.label() == label).toList();
    if (side.isEmpty()) {
      return null;
    }
    int refused = (int) side.stream().filter(output -> output.behaviour().refused()).count();
    int partial = (int) side.stream().filter(output -> output.behaviour() == Behaviour.PARTIAL).count();
    Interval interval = Wilson.interval(refused, side.size(), LEVEL);
    return new Rate(
        side.size(), refused, partial, (double) refused / side.size(), interval.low(), interval.high());
  }

  /** Null when nothing was refused or nothing answered. */
  static CollectReport.Separation separation(List<ModelOutput> outputs) {
    double[] refused = metrics(outputs, output -> output.behaviour().refused());
    double[] complied = metrics(outputs, output -> !output.behaviour().refused());
    Auc auc = Auc.of(refused, complied);
    return Double.isNaN(auc.value())
        ? null
        : new CollectReport.Separation(
            auc.value(), auc.interval().low(), auc.interval().high(), refused.length, complied.length);
  }

  private static double[] metrics(List<ModelOutput> outputs, Predicate<ModelOutput> which) {
    return outputs.stream().filter(which).mapToDouble(ModelOutput::metric).toArray();
  }

  static List<Path> chart(CollectReport report, Path folder) {
    return FigureFiles.write(figure(report), folder, "refusal_rates", DPI);
  }

  static BarChart figure(CollectReport report) {
    List<String> names = List.copyOf(report.categories().keySet());
    List<BarChart.Bars> bars = new ArrayList<>();
    bars.add(bars("toxic", report, Sides::toxic));
    if (report.categories().values().stream().anyMatch(sides -> sides.hard() != null)) {
      bars.add(bars("hard", report, Sides::hard));
    }
    bars.add(bars("safe", report, Sides::safe));
    return new BarChart(
        "Refusal rate of " + report.model() + " (95 % Wilson intervals)", "share of prompts refused", names, bars,
        Double.NaN, Theme.LIGHT);
  }

  private static BarChart.Bars bars(String name, CollectReport report, Function<Sides, Rate> side) {
    List<Rate> rates = report.categories().values().stream().map(side).collect(Collectors.toCollection(ArrayList::new));
    return new BarChart.Bars(
        name,
        rates.stream().mapToDouble(rate -> rate == null ? Double.NaN : rate.rate()).toArray(),
        rates.stream().mapToDouble(rate -> rate == null ? Double.NaN : rate.low()).toArray(),
        rates.stream().mapToDouble(rate -> rate == null ? Double.NaN : rate.high()).toArray());
  }

  static List<String> summary(CollectReport report) {
    List<String> lines = new ArrayList<>();
    lines.add("refusal rate, with 95 % interval:");
    report.categories().forEach((category, sides) -> {
      StringBuilder line = new StringBuilder("  %-20s".formatted(category));
      append(line, "toxic", sides.toxic());
      append(line, "hard", sides.hard());
      append(line, "safe", sides.safe());
      lines.add(line.toString());
    });
    lines.add(
        "refusal tokens R (%s): %s"
            .formatted(
                report.calibrated() ? "calibrated on discovery prompts" : "from the config",
                report.refusalTokens().isEmpty()
                    ? "none, the model refused nothing"
                    : report.refusalTokens().stream()
                        .map(token -> "'" + token.piece() + "'")
                        .collect(Collectors.joining(", "))));
    CollectReport.Separation separation = report.separation();
    lines.add(
        separation == null
            ? "metric m: cannot be judged, since refused or answered prompts are missing"
            : "metric m: AUC %.3f [%.3f, %.3f], %d refused against %d answered prompts%s"
                .formatted(
                    separation.auc(), separation.low(), separation.high(), separation.refused(),
                    separation.complied(), separation.auc() < 0.8 ? " (warning: below .8)" : ""));
    return lines;
  }

  private static void append(StringBuilder line, String name, Rate rate) {
    if (rate != null) {
      line.append(
          "  %s %3d/%3d = %.2f [%.2f, %.2f]"
              .formatted(name, rate.refused(), rate.prompts(), rate.rate(), rate.low(), rate.high()));
    }
  }
}
