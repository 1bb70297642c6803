package org.refusal.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.refusal.evaluation.CategoryMetrics;
import org.refusal.evaluation.FaithfulnessCurve;
import org.refusal.plot.LineChart;
import org.refusal.plot.Theme;

/** Faithfulness and completeness of the circuits. */
public final class FaithfulnessSection implements Section {
  @Override
  public String title() {
    return "Do the circuits do what the model does?";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.METRICS);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    Map<String, CategoryMetrics> metrics = sources.need(Source.METRICS);
    CategoryMetrics any = metrics.values().iterator().next();
    page.text().paragraph(
        ("Faithfulness: share of the effect that is left when everything outside the circuit is set to its baseline (%s);"
                + " completeness: share that is left when the circuit itself is. A good circuit has the first near 1 and the"
                + " second near 0 with few nodes. Held-out prompts; error nodes: %s; patched together: %s.")
            .formatted(any.baseline(), any.errors(), String.join(", ", any.hookPoints())));
    page.figure(
        "report_faithfulness",
        "Faithfulness of circuits of growing size, and of random circuits of the same size (mean over categories)",
        curves(metrics));
    List<List<String>> rows = new ArrayList<>();
    List<String> undefined = new ArrayList<>();
    metrics.forEach((category, each) -> {
      FaithfulnessCurve curve = each.curve();
      if (curve.undefined() != null) {
        undefined.add("%s: %s".formatted(Markdown.escape(category), Markdown.escape(curve.undefined())));
      }
      rows.add(
          List.of(
              category,
              curve.undefined() == null ? Numbers.of(curve.area()) : "undefined",
              curve.undefined() == null ? Numbers.of(curve.randomArea()) : "undefined",
              circuit(each, "discovered"),
              circuit(each, "legacy"),
              each.directionAblation() == null ? "–" : Numbers.of(each.directionAblation().drop())));
    });
    page.text()
        .table(
            List.of(
                "category", "area", "random", "circuit: size, faithful, complete", "legacy circuit",
                "drop: direction ablated"),
            rows);
    if (!undefined.isEmpty()) {
      page.text().paragraph("Undefined for:").list(undefined);
    }
  }

  private static String circuit(CategoryMetrics metrics, String name) {
    CategoryMetrics.NamedCircuit circuit = metrics.circuits().get(name);
    if (circuit == null) {
      return "–";
    }
    return metrics.curve().undefined() != null
        ? "%d, undefined".formatted(circuit.size())
        : "%d, %s, %s"
            .formatted(
                circuit.size(), Numbers.of(circuit.faithfulness().value()), Numbers.of(circuit.completeness().value()));
  }

  private static LineChart curves(Map<String, CategoryMetrics> metrics) {
    List<LineChart.Series> series = new ArrayList<>();
    List<FaithfulnessCurve> defined =
        metrics.values().stream().map(CategoryMetrics::curve).filter(curve -> curve.undefined() == null).toList();
    metrics.forEach((category, each) -> {
      if (each.curve().undefined() == null) {
        List<FaithfulnessCurve.AtSize> points = each.curve().sizes();
        series.add(
            new LineChart.Series(
                category,
                points.stream().mapToDouble(FaithfulnessCurve.AtSize::size).toArray(),
                points.stream().mapToDouble(point -> point.faithfulness().value()).toArray()));
      }
    });
    series.add(random(defined));
    return new LineChart(
        "Faithfulness by circuit size", "nodes", "faithfulness", series, true, null, null, Theme.LIGHT);
  }

  /** Mean over categories of their n-th sizes and of what random circuits reach there. */
  private static LineChart.Series random(List<FaithfulnessCurve> curves) {
    int steps = curves.stream().mapToInt(curve -> curve.sizes().size()).min().orElse(0);
    double[] sizes = new double[steps];
    double[] faithfulness = new double[steps];
    for (int step = 0; step < steps; step++) {
      for (FaithfulnessCurve curve : curves) {
        FaithfulnessCurve.AtSize point = curve.sizes().get(step);
        sizes[step] += (double) point.size() / curves.size();
        faithfulness[step] += Arrays.stream(point.randomFaithfulness()).average().orElse(Double.NaN) / curves.size();
      }
    }
    return new LineChart.Series("random", sizes, faithfulness);
  }
}
