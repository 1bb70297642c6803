package org.refusal.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.refusal.evaluation.CategoryMetrics;

/** What interventions do to safe prompts and to generated text. */
public final class SideEffectsSection implements Section {
  @Override
  public String title() {
    return "Side effects on safe prompts";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.METRICS);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    Map<String, CategoryMetrics> metrics = sources.need(Source.METRICS);
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
