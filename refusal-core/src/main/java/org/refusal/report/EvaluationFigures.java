package org.refusal.report;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.refusal.circuit.HookPoint;
import org.refusal.evaluation.BehaviourTransfer;
import org.refusal.evaluation.CategoryMetrics;
import org.refusal.evaluation.DecisionProfile;
import org.refusal.evaluation.FaithfulnessCurve;
import org.refusal.evaluation.LayerDecision;
import org.refusal.evaluation.LayerProposal;
import org.refusal.evaluation.Resampled;
import org.refusal.evaluation.TransferFile;
import org.refusal.plot.BarChart;
import org.refusal.plot.Figure;
import org.refusal.plot.FigureFiles;
import org.refusal.plot.LineChart;
import org.refusal.plot.Theme;
import org.refusal.run.ResultLayout;
import org.refusal.stats.TransferStatistics;

/** What an evaluation shows: charts and the lines of the summary. */
public final class EvaluationFigures {
  private static final int DPI = 150;

  /** How far a guide reaches beyond the first and the last layer. */
  private static final double OFFSET = .5;

  private EvaluationFigures() {}

  public static List<Path> curve(CategoryMetrics metrics, Path folder) {
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
        chart, folder, "%s_%s_metrics".formatted(ResultLayout.fileName(metrics.model()), ResultLayout.categoryName(metrics.category())), DPI);
  }

  public static List<Path> decisionProfile(TransferFile transfer, Path folder) {
    return FigureFiles.write(
        transfer.decisionProfile().isEmpty() ? captured(transfer) : everyLayer(transfer), folder, "decision_profile",
        DPI);
  }

  private static Figure captured(TransferFile transfer) {
    List<String> names = List.copyOf(transfer.hookPoints().keySet());
    List<TransferFile.AtPoint> at = List.copyOf(transfer.hookPoints().values());
    return new BarChart(
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
  }

  /** Every layer of the model on a few prompts, and the captured hook points on all. */
  static LineChart everyLayer(TransferFile transfer) {
    List<LayerDecision> profile = transfer.decisionProfile();
    double[] layers = IntStream.range(0, profile.size()).asDoubleStream().toArray();
    List<LineChart.Series> series = new ArrayList<>();
    series.add(
        new LineChart.Series(
            "every layer, few prompts", layers,
            profile.stream().mapToDouble(LayerDecision::decided).toArray(),
            profile.stream().mapToDouble(LayerDecision::low).toArray(),
            profile.stream().mapToDouble(LayerDecision::high).toArray()));
    captured("captured", transfer, HookPoint.Site::isStream, DecisionProfile::decided).ifPresent(series::add);
    captured("captured, all positions", transfer, HookPoint.Site::isStream, DecisionProfile::everywhere)
        .ifPresent(series::add);
    captured("captured mlp, attention", transfer, site -> !site.isStream(), DecisionProfile::decided)
        .ifPresent(series::add);
    series.add(
        new LineChart.Series(
            "decision: %.1f".formatted(LayerProposal.DECIDED),
            new double[] {-OFFSET, profile.size() - 1 + OFFSET},
            new double[] {LayerProposal.DECIDED, LayerProposal.DECIDED}, null, null, LineChart.Style.GUIDE));
    return new LineChart(
        "How far the model has decided, by layer", "layer (residual stream after it)", "share of the refusal gap",
        series, false, null, null, Theme.LIGHT);
  }

  private static Optional<LineChart.Series> captured(
      String name, TransferFile transfer, Predicate<HookPoint.Site> sites,
      Function<DecisionProfile, Resampled> which) {
    List<HookPoint> points =
        transfer.hookPoints().keySet().stream().map(HookPoint::parse).filter(at -> sites.test(at.site())).toList();
    if (points.isEmpty()) {
      return Optional.empty();
    }
    List<Resampled> values =
        points.stream().map(at -> which.apply(transfer.hookPoints().get(at.name()).decision())).toList();
    return Optional.of(
        new LineChart.Series(
            name,
            points.stream().mapToDouble(EvaluationFigures::place).toArray(),
            values.stream().mapToDouble(Resampled::value).toArray(),
            values.stream().mapToDouble(Resampled::low).toArray(),
            values.stream().mapToDouble(Resampled::high).toArray(),
            LineChart.Style.POINTS));
  }

  /** On an axis of layers, N being the stream after layer N. */
  private static double place(HookPoint at) {
    return at.layer()
        - switch (at.site()) {
          case ATTN_OUT -> .75;
          case RESID_MID -> .5;
          case MLP_OUT -> .25;
          case RESID_POST -> 0;
        };
  }

  /**
   * One hook point: where the model has decided, and transfer by m as measured; whether it is more than chance is for the
   * statistics to say.
   *
   * @param gap m less the partner's m {@code [category][prompt]}
   */
  public static String line(String at, TransferFile.AtPoint point, double[][] gap) {
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
  public static String behaviour(String at, Map<String, BehaviourTransfer> forms) {
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
