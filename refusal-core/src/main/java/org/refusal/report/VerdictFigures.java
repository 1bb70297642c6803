package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What the statistics file says of the verdict and of the tests that it rests on, as the sections read it. */
record VerdictFigures(JsonNode verdict, JsonNode tests) {
  static VerdictFigures of(JsonNode stats) {
    return new VerdictFigures(stats.path("verdict"), stats.path("tests"));
  }

  String answer() {
    return verdict.path("answer").asText();
  }

  /** The texts of a list of the verdict, escaped. */
  List<String> texts(String field) {
    List<String> texts = new ArrayList<>();
    verdict.path(field).forEach(text -> texts.add(Markdown.escape(text.asText())));
    return texts;
  }

  List<String> categories() {
    List<String> categories = new ArrayList<>();
    tests.path("categories").forEach(category -> categories.add(category.asText()));
    return categories;
  }

  double threshold(String name) {
    return Measured.number(verdict.path("thresholds").path(name));
  }

  /** The decision layer, or the last captured hook point where there is none; empty when nothing was measured. */
  Optional<String> decisionPoint() {
    if (verdict.path("decision_layer").isTextual()) {
      return Optional.of(verdict.path("decision_layer").asText());
    }
    JsonNode points = tests.path("hook_points");
    return points.isEmpty()
        ? Optional.empty()
        : Optional.of(points.get(points.size() - 1).path("hook_point").asText());
  }

  JsonNode at(String hookPoint) {
    for (JsonNode point : tests.path("hook_points")) {
      if (point.path("hook_point").asText().equals(hookPoint)) {
        return point;
      }
    }
    return tests.path("hook_points").path(-1);
  }

  /** A figure of the verdict: {@code {value, low, high}}. */
  static Measured figure(JsonNode figure) {
    return new Measured(
        Measured.number(figure.path("value")), Measured.number(figure.path("low")), Measured.number(figure.path("high")));
  }

  static String layer(JsonNode name) {
    return name.isTextual() ? "`" + name.asText() + "`" : "none";
  }

  /** The least of the vectors' reliabilities; NaN where none is known. */
  static double leastReliability(JsonNode tests) {
    double least = Double.NaN;
    for (double each : Measured.row(tests.path("reliability").path("reliability"))) {
      least = Double.isNaN(least) ? each : Math.min(least, each);
    }
    return least;
  }
}
