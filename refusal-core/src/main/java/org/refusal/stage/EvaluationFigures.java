package org.refusal.stage;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.refusal.evaluation.BehaviourTransfer;
import org.refusal.evaluation.CategoryMetrics;
import org.refusal.evaluation.FaithfulnessCurve;
import org.refusal.evaluation.TransferFile;
import org.refusal.plot.BarChart;
import org.refusal.plot.FigureFiles;
import org.refusal.plot.LineChart;
import org.refusal.plot.Theme;
import org.refusal.report.Numbers;
import org.refusal.run.ResultLayout;
import org.refusal.stats.TransferStatistics;

/** What an evaluation shows: charts and the lines of the summary. */
final class EvaluationFigures {
  private static final int DPI = 150;

  private EvaluationFigures() {}

  static List<Path> curve(CategoryMetrics metrics, Path folder) {
    FaithfulnessCurve curve = metrics.curve();
    double[] x = curve.sizes().stream().mapToDouble(FaithfulnessCurve.AtSize::size).toArray();
    List<LineChart.Series> series = new ArrayList<>();
    series.add(
        new LineChart.Series(
            "faithfulness", x,
            curve.sizes().stream().mapToDouble(size -> size.faithfulness().value()).toArray(),
            curve.sizes().stream().mapToDouble(size -> size.faithfulness().low()).toArray(),
            curve.sizes().stream().mapToDouble(size -> size.faithfulness().high()).toArray()));
    series.add(
        new LineChart.Series(
            "completeness", x,
            curve.sizes().stream().mapToDouble(size -> size.completeness().value()).toArray(),
            curve.sizes().stream().mapToDouble(size -> size.completeness().low()).toArray(),
            curve.sizes().stream().mapToDouble(size -> size.completeness().high()).toArray()));
    series.add(
        new LineChart.Series(
            "random circuits", x,
            curve.sizes().stream()
                .mapToDouble(size -> Arrays.stream(size.randomFaithfulness()).average().orElse(Double.NaN))
                .toArray()));
    LineChart chart =
        new LineChart(
            "Circuits of " + metrics.category() + ", held-out prompts", "nodes", "share of F(model) - F(empty)", series,
            true, null, null, Theme.LIGHT);
    return FigureFiles.write(
        chart, folder, "%s_%s_metrics".formatted(ResultLayout.fileName(metrics.model()), metrics.category()), DPI);
  }

  static List<Path> decisionProfile(TransferFile transfer, Path folder) {
    List<String> names = List.copyOf(transfer.hookPoints().keySet());
    List<TransferFile.AtPoint> at = List.copyOf(transfer.hookPoints().values());
    BarChart chart =
        new BarChart(
            "How far the model has decided, by hook point",
            "share of the refusal gap", names,
            List.of(
                new BarChart.Bars(
                    "decided",
                    at.stream().mapToDouble(point -> point.decision().decided().value()).toArray(),
                    at.stream().mapToDouble(point -> point.decision().decided().low()).toArray(),
                    at.stream().mapToDouble(point -> point.decision().decided().high()).toArray()),
                new BarChart.Bars(
                    "all positions",
                    at.stream().mapToDouble(point -> point.decision().everywhere().value()).toArray(),
                    at.stream().mapToDouble(point -> point.decision().everywhere().low()).toArray(),
                    at.stream().mapToDouble(point -> point.decision().everywhere().high()).toArray())),
            0.5, Theme.LIGHT);
    return FigureFiles.write(chart, folder, "decision_profile", DPI);
  }

  /**
   * One hook point: where the model has decided, and transfer by m as measured; whether it is more than chance is for the
   * statistics to say.
   *
   * @param gap m less the partner's m {@code [category][prompt]}
   */
  static String line(String at, TransferFile.AtPoint point, double[][] gap) {
    StringBuilder line =
        new StringBuilder(
            "%-14s decided %.2f [%.2f, %.2f]"
                .formatted(
                    at, point.decision().decided().value(), point.decision().decided().low(),
                    point.decision().decided().high()));
    point.forms().forEach((form, matrix) -> {
      double[][] drop = TransferStatistics.meanDrops(matrix.drops(), gap);
      line.append(
          "; %s: own drop %s, D %s"
              .formatted(
                  form, Numbers.of(TransferStatistics.own(drop)), Numbers.of(TransferStatistics.distinctness(drop))));
    });
    return line.toString();
  }

  /** What is still refused in generated text at one hook point. */
  static String behaviour(String at, Map<String, BehaviourTransfer> forms) {
    return "%-14s still refused in text, under the own part / under others': %s"
        .formatted(
            at,
            forms.entrySet().stream()
                .map(form ->
                    "%s %.2f / %.2f"
                        .formatted(form.getKey(), form.getValue().own().value(), form.getValue().other().value()))
                .collect(Collectors.joining("; ")));
  }
}
