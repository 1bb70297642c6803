package org.refusal.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.refusal.evaluation.BehaviourTransfer;
import org.refusal.evaluation.CategoryMetrics;
import org.refusal.evaluation.FaithfulnessCurve;
import org.refusal.evaluation.Share;
import org.refusal.evaluation.TransferFile;
import org.refusal.plot.ColorScale;
import org.refusal.plot.Heatmap;
import org.refusal.plot.LineChart;
import org.refusal.plot.Theme;

/** What interventions on held-out prompts showed: transfer, faithfulness, side effects. */
public final class ReportCausal {
  private final ReportPage page;

  public ReportCausal(ReportPage page) {
    this.page = page;
  }

  /**
   * @param decision the hook point whose matrices are shown; empty takes the last
   * @param statistics of every hook point, as the statistics file has them; the only source of D and of what is weak
   */
  public void transfer(TransferFile transfer, Optional<String> decision, TransferFigures statistics) {
    page.text().heading(2, "Causal transfer between categories");
    if (transfer.hookPoints().isEmpty()) {
      page.text().paragraph("Nothing was evaluated.");
      return;
    }
    String at =
        decision
            .filter(transfer.hookPoints()::containsKey)
            .orElseGet(() -> List.copyOf(transfer.hookPoints().keySet()).get(transfer.hookPoints().size() - 1));
    page.text().paragraph(
        ("What serves refusal in one category (row) is set to an answered prompt's values, and the drop of m is measured on"
                + " the held-out refused prompts of another (column), in units of that category's refusal gap. D is 1 less"
                + " the mean drop across categories over the mean drop within. Matrices are those at `%s`.")
            .formatted(at));
    List<List<String>> rows = new ArrayList<>();
    for (TransferFigures.Form form : statistics.forms()) {
      rows.add(form.row());
      if (form.hookPoint().equals(at)) {
        page.figure(
            "report_transfer_" + form.key(),
            form.caption(),
            heatmap(
                "Transfer, %s form, at %s".formatted(form.name(), at), statistics.categories(), form.drop(),
                ColorScale.diverging(1), "drop / refusal gap"));
      }
    }
    page.text()
        .table(List.of("hook point", "form", "own drop", "random parts", "D", "weak because"), rows);
    if (transfer.refusals() != null) {
      behaviour(transfer, at);
    }
  }

  private void behaviour(TransferFile transfer, String at) {
    page.text().heading(3, "Transfer by behaviour");
    int prompts = Arrays.stream(transfer.refusals().rate()).mapToInt(Share::prompts).sum();
    page.text().paragraph(
        ("The same parts, and what the model then writes: the share of held-out prompts still refused, by the refusal"
                + " detector on up to %d new tokens, with 95 %% Wilson intervals. %d prompts, of which %s are refused without"
                + " intervention. Own part: that of the prompt's category; others' part: all other categories together. D is 1"
                + " less the mean share of refusals lost across categories over that lost within; its interval resamples"
                + " prompts.")
            .formatted(
                transfer.refusals().newTokens(), prompts,
                Numbers.percent(
                    Arrays.stream(transfer.refusals().rate()).mapToDouble(rate -> rate.value() * rate.prompts()).sum()
                        / prompts)));
    transfer.hookPoints().get(at).behaviour().forEach((form, seen) -> {
      String name = form.replace('_', ' ');
      page.figure(
          "report_behaviour_" + form,
          "Share of prompts still refused at %s, %s form: own part %s, others' part %s"
              .formatted(at, name, Numbers.of(seen.own().value()), Numbers.of(seen.other().value())),
          heatmap(
              "Still refused, %s form, at %s".formatted(name, at),
              transfer.categories(),
              Arrays.stream(seen.rate())
                  .map(row -> Arrays.stream(row).mapToDouble(Share::value).toArray())
                  .toArray(double[][]::new),
              ColorScale.sequential(0, 1),
              "share refused"));
    });
    List<List<String>> rows = new ArrayList<>();
    transfer.hookPoints().forEach(
        (point, here) -> here.behaviour().forEach((form, seen) -> rows.add(row(point, form, seen))));
    page.text()
        .table(
            List.of("hook point", "form", "own part", "others' part", "random part", "D", "weak because"), rows);
  }

  private static List<String> row(String point, String form, BehaviourTransfer seen) {
    return List.of(
        point,
        form.replace('_', ' '),
        Numbers.of(seen.own()),
        Numbers.of(seen.other()),
        Numbers.of(seen.control()),
        seen.weak() == null ? Numbers.of(seen.distinctness()) : "–",
        seen.weak() == null ? "" : Markdown.escape(seen.weak()));
  }

  /** @param values {@code [part of][on prompts of]} */
  private static Heatmap heatmap(
      String title, List<String> categories, double[][] values, ColorScale colors, String unit) {
    return new Heatmap(
        title, "part of", "on prompts of", categories, categories, values, colors, unit, Theme.LIGHT);
  }

  public void faithfulness(Map<String, CategoryMetrics> metrics) {
    page.text().heading(2, "Do the circuits do what the model does?");
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

  public void sideEffects(Map<String, CategoryMetrics> metrics) {
    List<List<String>> rows = new ArrayList<>();
    List<List<String>> behaviour = new ArrayList<>();
    metrics.forEach((category, each) -> {
      each.sideEffects().forEach(
          (intervention, effects) ->
              rows.add(
                  List.of(
                      category,
                      intervention.replace('_', ' '),
                      Numbers.of(mean(effects.kl()), 3),
                      Numbers.of(mean(effects.klLast()), 3),
                      Numbers.of(mean(effects.crossEntropy()) - mean(effects.crossEntropyModel()), 3))));
      if (each.behaviour() != null) {
        each.behaviour().forEach(
            (intervention, seen) ->
                behaviour.add(List.of(category, intervention.replace('_', ' '), Numbers.of(seen.rate()))));
      }
    });
    if (!rows.isEmpty()) {
      page.text().heading(2, "Side effects on safe prompts");
      page.text().paragraph("Means over safe held-out prompts, nats. CE: cross-entropy of the prompt's own tokens.");
      page.text()
          .table(List.of("category", "intervention", "KL", "KL at the answer's start", "CE gained"), rows);
    }
    if (!behaviour.isEmpty()) {
      page.text().heading(3, "Refusals in generated text");
      page.text().table(List.of("category", "intervention", "share refused"), behaviour);
    }
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).filter(Double::isFinite).average().orElse(Double.NaN);
  }
}
