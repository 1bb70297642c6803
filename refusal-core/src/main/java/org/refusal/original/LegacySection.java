package org.refusal.original;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.refusal.report.Markdown;
import org.refusal.report.Measured;
import org.refusal.report.Numbers;
import org.refusal.report.Readings;
import org.refusal.report.ReportPage;
import org.refusal.report.Section;
import org.refusal.report.Source;

/** The numbers of the original project's definitions, apart from the evidence and marked as what they are. */
public final class LegacySection implements Section {
  @Override
  public String title() {
    return "Legacy numbers";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of();
  }

  @Override
  public List<Source<?>> mayRead() {
    return List.of(
        Source.COLLECT, Source.AUTOENCODERS, Source.STATS, LegacySources.CIRCUIT_OPTIONS, LegacySources.SCORES,
        LegacySources.STATS, LegacySources.SIMILARITY, LegacySources.CURVES);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    new Text(page).write(sources);
  }

  /** Begins with its warning once there is something to warn of. */
  private static final class Text {
    private final ReportPage page;
    private boolean begun;

    Text(ReportPage page) {
      this.page = page;
    }

    void write(Readings sources) {
      options(sources);
      sources.get(Source.STATS).map(stats -> stats.path("legacy")).filter(JsonNode::isObject).ifPresent(legacy ->
          significance("Legacy significance (stats.legacy)", legacy));
      scores(sources.get(LegacySources.SCORES).orElse(Map.of()));
      sources.get(LegacySources.STATS).ifPresent(file ->
          significance("Significance in the original project's own file", file));
      similarity(sources.get(LegacySources.SIMILARITY).orElse(Map.of()));
      curves(sources.get(LegacySources.CURVES).orElse(Map.of()));
    }

    private void begin() {
      if (begun) {
        return;
      }
      begun = true;
      page.text().quote(
          "**By the original project's definitions, for comparison with its results only.** None of them tells one cause from"
              + " several, and the verdict rests on none (docs/migration.md).",
          List.of());
    }

    /** Which legacy definitions were on where other numbers of this report come from. */
    private void options(Readings sources) {
      TreeSet<String> on = new TreeSet<>();
      sources.get(Source.COLLECT).ifPresent(collect -> on.addAll(collect.legacy()));
      sources.get(Source.AUTOENCODERS).orElse(Map.of()).forEach((at, metrics) -> {
        if (metrics.path("variant").asText().equals("legacy")) {
          on.add("sae.variant: legacy");
        }
      });
      sources.get(LegacySources.CIRCUIT_OPTIONS).ifPresent(on::addAll);
      if (!on.isEmpty()) {
        begin();
        page.text().paragraph("On in this run:").list(on.stream().map(Markdown::escape).toList());
      }
    }

    private void significance(String title, JsonNode legacy) {
      List<List<String>> rows = new ArrayList<>();
      legacy.path("stats_by_category").fields().forEachRemaining(field -> {
        JsonNode of = field.getValue();
        rows.add(
            List.of(
                field.getKey(), of.path("n_nodes_in_circuit").asText(),
                Numbers.of(Measured.number(of.path("observed")), 4), Numbers.of(Measured.number(of.path("random_mean")), 4),
                Numbers.of(Measured.number(of.path("random_std")), 4), Numbers.of(Measured.number(of.path("z_score"))),
                Numbers.probability(Measured.number(of.path("p_value")))));
      });
      if (rows.isEmpty()) {
        return;
      }
      begin();
      page.text().heading(3, title);
      page.text().paragraph(
          "Similarity of each circuit with one random circuit, among its similarities with %s others of the kind. The observed value is itself a draw from its null: p is uniform whatever the circuit."
              .formatted(legacy.path("n_permutations").asText()));
      page.text().table(List.of("category", "nodes", "observed", "random mean", "random sd", "z", "p"), rows);
    }

    private void scores(Map<String, JsonNode> byCategory) {
      if (byCategory.isEmpty()) {
        return;
      }
      begin();
      page.text().heading(3, "Legacy scores (evaluation.legacy)");
      page.text().paragraph(
          "F: mean log of the summed probability of the refusal tokens, nats. Faithfulness and completeness are clamped to [0, 1]; completeness is 1 where removing the circuit matters, and also where it changes nothing.");
      List<List<String>> rows = new ArrayList<>();
      byCategory.forEach((category, json) ->
          rows.add(
              List.of(
                  category, json.path("prompts").asText(), json.path("prompts_are").asText(),
                  Numbers.of(Measured.number(json.path("F_M"))), Numbers.of(Measured.number(json.path("F_C"))),
                  Numbers.of(Measured.number(json.path("F_M_minus_C"))), Numbers.of(Measured.number(json.path("F_empty"))),
                  Numbers.of(Measured.number(json.path("faithfulness"))),
                  Numbers.of(Measured.number(json.path("completeness"))))));
      page.text().table(
          List.of("category", "prompts", "which", "F(M)", "F(C)", "F(M without C)", "F(empty)", "faithfulness", "completeness"),
          rows);
    }

    private void similarity(Map<String, Double> averages) {
      if (averages.isEmpty()) {
        return;
      }
      begin();
      page.text().heading(3, "Similarity in the original project's own file");
      List<List<String>> rows = new ArrayList<>();
      averages.forEach((side, mean) -> rows.add(List.of(side, Numbers.of(mean))));
      page.text().table(List.of("circuits", "mean similarity"), rows);
    }

    private void curves(Map<String, JsonNode> byCategory) {
      if (byCategory.isEmpty()) {
        return;
      }
      begin();
      page.text().heading(3, "Scores in the original project's own files");
      List<List<String>> rows = new ArrayList<>();
      byCategory.forEach((category, json) -> {
        for (int i = 0; i < json.path("thresholds").size(); i++) {
          rows.add(
              List.of(
                  category, Numbers.of(Measured.number(json.path("thresholds").get(i)), 3),
                  json.path("n_nodes").path(i).asText(), Numbers.of(Measured.number(json.path("faithfulness").path(i))),
                  Numbers.of(Measured.number(json.path("completeness").path(i)))));
        }
      });
      page.text().table(List.of("category", "importance at least", "nodes", "faithfulness", "completeness"), rows);
    }
  }
}
