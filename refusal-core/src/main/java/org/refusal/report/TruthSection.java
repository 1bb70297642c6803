package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** For planted models, whose mechanism is known. */
public final class TruthSection implements Section {
  @Override
  public String title() {
    return "Truth beside finding";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.STATS, Source.TRUTH);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    VerdictFigures stats = VerdictFigures.of(sources.need(Source.STATS));
    JsonNode truth = sources.need(Source.TRUTH);
    Set<String> categories = new LinkedHashSet<>();
    stats.tests().path("categories").forEach(category -> categories.add(category.asText()));
    Set<Set<String>> planted = new LinkedHashSet<>();
    for (Set<String> group : groups(truth.has("category_clusters") ? truth.path("category_clusters") : truth.path("clusters"))) {
      Set<String> here = new LinkedHashSet<>(group);
      here.retainAll(categories);
      if (!here.isEmpty()) {
        planted.add(here);
      }
    }
    Set<Set<String>> found = groups(stats.verdict().path("clusters"));
    String expected = truth.path("verdict").asText();
    page.text().paragraph("The mechanism of this model was planted, so that the truth is known.");
    page.text()
        .table(
            List.of("", "planted", "found", "agrees"),
            List.of(
                List.of("verdict", expected, stats.answer(), expected.equals(stats.answer()) ? "yes" : "no"),
                List.of("clusters", clusters(planted), clusters(found), planted.equals(found) ? "yes" : "no"),
                List.of(
                    "first shared layer",
                    VerdictFigures.layer(truth.path("first_shared_layer")),
                    VerdictFigures.layer(stats.verdict().path("first_shared_layer")),
                    sharedLayer(truth.path("first_shared_layer"), stats.verdict().path("first_shared_layer"))),
                List.of("leak of category evidence", truth.path("leak").asText("–"), "", "")));
  }

  private static Set<Set<String>> groups(JsonNode clusters) {
    Set<Set<String>> groups = new LinkedHashSet<>();
    for (JsonNode cluster : clusters) {
      Set<String> group = new LinkedHashSet<>();
      cluster.forEach(category -> group.add(category.asText()));
      groups.add(group);
    }
    return groups;
  }

  private static String clusters(Set<Set<String>> groups) {
    List<String> texts = new ArrayList<>();
    groups.forEach(group -> texts.add("{" + Markdown.escape(String.join(", ", group)) + "}"));
    return String.join(" ", texts);
  }

  /** A planted none means no planted sharing: what converges after the decision may still be found. */
  private static String sharedLayer(JsonNode planted, JsonNode found) {
    if (!planted.isTextual()) {
      return "";
    }
    return planted.asText().equals(found.asText()) ? "yes" : "no";
  }
}
