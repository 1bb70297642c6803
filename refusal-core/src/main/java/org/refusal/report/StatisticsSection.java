package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** The statistics of the vectors, hook point by hook point. */
public final class StatisticsSection implements Section {
  @Override
  public String title() {
    return "Statistics";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.STATS);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    VerdictFigures stats = VerdictFigures.of(sources.need(Source.STATS));
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode point : stats.tests().path("hook_points")) {
      statistics(point.path("hook_point").asText(), "effect", point.path("effect"), rows);
      statistics(point.path("hook_point").asText(), "latents", point.path("latents"), rows);
    }
    statistics("all", "latents", stats.tests().path("pooled_latents"), rows);
    JsonNode auc = stats.tests().path("auc");
    page.text().paragraph(
        "The unit that is resampled is the prompt. The metric m separates refused from answered prompts with AUC %s."
            .formatted(
                Numbers.of(
                    Measured.number(auc.path("value")),
                    Measured.number(auc.path("interval").path("low")),
                    Measured.number(auc.path("interval").path("high")))));
    if (rows.isEmpty()) {
      page.text().paragraph("No vectors were there to test.");
      return;
    }
    page.text()
        .table(
            List.of(
                "hook point", "vectors", "mean S", "least reliability", "separation T (p)", "PERMANOVA F (p)",
                "PERMDISP F (p)", "topic r (p)"),
            rows);
    page.text().paragraph(
        "With high reliability the separation test turns significant for tiny T even where the cause is one: read T, not p"
            + " alone. Topic r is Mantel's correlation of the vectors' distance with that of the prompts' words.");
  }

  private static void statistics(String at, String vectors, JsonNode tests, List<List<String>> rows) {
    if (!tests.isObject()) {
      return;
    }
    double least = VerdictFigures.leastReliability(tests);
    JsonNode topic = tests.path("topic");
    rows.add(
        List.of(
            at,
            vectors,
            Measured.of(tests.path("mean_similarity")).text(),
            Numbers.of(least),
            location(tests.path("separation")),
            location(tests.path("permanova")),
            location(tests.path("permdisp")),
            withP(Measured.number(topic.path("r")), Measured.number(topic.path("p")))));
  }

  private static String location(JsonNode test) {
    return withP(Measured.number(test.path("statistic")), Measured.number(test.path("p")));
  }

  private static String withP(double statistic, double p) {
    return Double.isFinite(statistic)
        ? "%s (%s)".formatted(Numbers.of(statistic), Numbers.probability(p))
        : Numbers.of(statistic);
  }
}
