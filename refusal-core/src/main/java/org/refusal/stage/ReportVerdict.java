package org.refusal.stage;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.refusal.plot.ColorScale;
import org.refusal.plot.Dendrogram;
import org.refusal.plot.Heatmap;
import org.refusal.plot.LineChart;
import org.refusal.plot.Theme;
import org.refusal.report.Markdown;
import org.refusal.report.Numbers;

/** What the statistics file says: the verdict and the evidence that it rests on. */
final class ReportVerdict {
  private final ReportPage page;
  private final JsonNode verdict;
  private final JsonNode tests;

  ReportVerdict(ReportPage page, JsonNode stats) {
    this.page = page;
    this.verdict = stats.path("verdict");
    this.tests = stats.path("tests");
  }

  String answer() {
    return verdict.path("answer").asText();
  }

  private static String sentence(String answer) {
    return switch (answer) {
      case "MONOLITHIC" -> "Where the model decides, all categories share one cause of refusal.";
      case "MODULAR" -> "Where the model decides, every category has a cause of refusal of its own.";
      case "MIXED" -> "Where the model decides, categories fall into clusters, and each cluster has its own cause.";
      default -> "The evidence does not decide. Every reason that holds:";
    };
  }

  void headline() {
    List<String> reasons = new ArrayList<>();
    verdict.path("reasons").forEach(reason -> reasons.add(Markdown.escape(reason.asText())));
    page.text().quote("**%s.** %s".formatted(answer(), sentence(answer())), reasons);
    String remark = verdict.path("remark").asText();
    if (!remark.isEmpty()) {
      page.text().paragraph("Remark: " + Markdown.escape(remark));
    }
    List<String> facts = new ArrayList<>();
    facts.add("Decision layer: " + layer(verdict.path("decision_layer")));
    facts.add("One cause from here on: " + layer(verdict.path("first_shared_layer")));
    String clusters = clusters(groups(verdict.path("clusters")));
    if (!clusters.isEmpty()) {
      facts.add("Clusters of categories: " + clusters);
    }
    page.text().list(facts);
  }

  private static String layer(JsonNode name) {
    return name.isTextual() ? "`" + name.asText() + "`" : "none";
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

  /** For planted models, whose mechanism is known. */
  void truth(JsonNode truth) {
    Set<String> categories = new LinkedHashSet<>();
    tests.path("categories").forEach(category -> categories.add(category.asText()));
    Set<Set<String>> planted = new LinkedHashSet<>();
    for (Set<String> group : groups(truth.has("category_clusters") ? truth.path("category_clusters") : truth.path("clusters"))) {
      Set<String> here = new LinkedHashSet<>(group);
      here.retainAll(categories);
      if (!here.isEmpty()) {
        planted.add(here);
      }
    }
    Set<Set<String>> found = groups(verdict.path("clusters"));
    String expected = truth.path("verdict").asText();
    page.text().heading(2, "Truth beside finding");
    page.text().paragraph("The mechanism of this model was planted, so that the truth is known.");
    page.text()
        .table(
            List.of("", "planted", "found", "agrees"),
            List.of(
                List.of("verdict", expected, answer(), expected.equals(answer()) ? "yes" : "no"),
                List.of("clusters", clusters(planted), clusters(found), planted.equals(found) ? "yes" : "no"),
                List.of(
                    "first shared layer",
                    layer(truth.path("first_shared_layer")),
                    layer(verdict.path("first_shared_layer")),
                    sharedLayer(truth.path("first_shared_layer"), verdict.path("first_shared_layer"))),
                List.of("leak of category evidence", truth.path("leak").asText("–"), "", "")));
  }

  /** A planted none means no planted sharing: what converges after the decision may still be found. */
  private static String sharedLayer(JsonNode planted, JsonNode found) {
    if (!planted.isTextual()) {
      return "";
    }
    return planted.asText().equals(found.asText()) ? "yes" : "no";
  }

  void profile() {
    JsonNode profile = verdict.path("profile");
    page.text().heading(2, "Where the model decides");
    if (profile.isEmpty()) {
      page.text().paragraph("No hook point was measured.");
      return;
    }
    page.text().paragraph(
        "*Decided* is the share of the refusal gap that is lost when only the positions after the user's text are set to"
            + " what an answered prompt has there. The decision layer is the first hook point at which it is at least "
            + Numbers.of(Measured.number(verdict.path("thresholds").path("decided")))
            + ". S is the disattenuated similarity of categories (1: the same cause), D the distinctness of causal"
            + " transfer (0: every category's part serves all, 1: only its own). After the decision layer sharing is"
            + " convergence, not evidence.");
    List<String> names = new ArrayList<>();
    profile.forEach(entry -> names.add(entry.path("hook_point").asText()));
    Map<String, Measured[]> curves = new LinkedHashMap<>();
    for (int i = 0; i < names.size(); i++) {
      JsonNode entry = profile.get(i);
      put(curves, "decided", names.size(), i, entry.path("decided"));
      put(curves, "S effect", names.size(), i, similarity(entry, "effect"));
      put(curves, "S latents", names.size(), i, similarity(entry, "latents"));
      put(curves, "D effect", names.size(), i, entry.path("d").path("effect"));
      put(curves, "D latent", names.size(), i, entry.path("d").path("latent"));
    }
    page.figure(
        "report_profile",
        "Decided, similarity S and distinctness D per hook point, with 95 %% intervals; weak forms, and S of vectors that are less reliable than %s, are left out"
            .formatted(Numbers.of(Measured.number(verdict.path("thresholds").path("min_reliability")))),
        new LineChart(
            "Where refusal is decided, and what is shared there", "hook point", "share of the refusal gap; S; D",
            series(curves), false, null, names, Theme.LIGHT));
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode entry : profile) {
      rows.add(
          List.of(
              entry.path("hook_point").asText(),
              Measured.of(entry.path("decided")).text(),
              entry.path("readout_rank").asInt(-1) < 0 ? "–" : entry.path("readout_rank").asText(),
              Measured.of(similarity(entry, "effect")).text(),
              Measured.of(entry.path("d").path("effect")).text(),
              Measured.of(similarity(entry, "latents")).text(),
              Numbers.of(Measured.of(entry.path("completeness")).value()),
              Numbers.of(Measured.of(entry.path("prompt_share")).value()),
              entry.path("cause").asText("–").toLowerCase(Locale.ROOT)));
    }
    page.text()
        .table(
            List.of(
                "hook point", "decided", "rank", "S effect", "D effect", "S latents", "completeness", "prompt share",
                "cause"),
            rows);
  }

  private static void put(Map<String, Measured[]> curves, String name, int size, int at, JsonNode estimate) {
    Measured[] curve =
        curves.computeIfAbsent(
            name,
            key -> IntStream.range(0, size)
                .mapToObj(i -> new Measured(Double.NaN, Double.NaN, Double.NaN))
                .toArray(Measured[]::new));
    curve[at] = Measured.of(estimate);
  }

  private static List<LineChart.Series> series(Map<String, Measured[]> curves) {
    List<LineChart.Series> series = new ArrayList<>();
    curves.forEach((name, curve) -> {
      int n = curve.length;
      series.add(
          new LineChart.Series(
              name,
              IntStream.range(0, n).asDoubleStream().toArray(),
              IntStream.range(0, n).mapToDouble(i -> curve[i].value()).toArray(),
              IntStream.range(0, n).mapToDouble(i -> curve[i].low()).toArray(),
              IntStream.range(0, n).mapToDouble(i -> curve[i].high()).toArray()));
    });
    return series;
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

  private JsonNode at(String hookPoint) {
    for (JsonNode point : tests.path("hook_points")) {
      if (point.path("hook_point").asText().equals(hookPoint)) {
        return point;
      }
    }
    return tests.path("hook_points").path(-1);
  }

  /** Similarity of the categories' causes where the model decides. */
  void pairs() {
    Optional<String> at = decisionPoint();
    page.text().heading(2, "Do categories share the cause?");
    if (at.isEmpty() || at(at.get()).path("effect").path("similarity").isEmpty()) {
      page.text().paragraph("No similarity of effects was measured.");
      return;
    }
    JsonNode point = at(at.get());
    String place =
        verdict.path("decision_layer").isTextual()
            ? "at the decision layer, `%s`".formatted(at.get())
            : "at `%s`, the last captured hook point, since there is no decision layer".formatted(at.get());
    page.text().paragraph("Similarity S of pairs of categories %s.".formatted(place));
    JsonNode effect = point.path("effect");
    heatmap("report_s_effect", "S of effects at " + at.get() + " (decides)", effect);
    if (!point.path("latents").path("similarity").isEmpty()) {
      heatmap("report_s_latents", "S of latents at " + at.get() + " (describes the representation)", point.path("latents"));
    }
    dendrogram(at.get(), effect);
    Map<String, Integer> kinds = new LinkedHashMap<>();
    List.of("shared", "partial", "open", "distinct").forEach(kind -> kinds.put(kind, 0));
    List<List<String>> rows = new ArrayList<>();
    List<String> categories = categories();
    for (JsonNode pair : effect.path("pairs")) {
      String kind = pair.path("kind").asText().toLowerCase(Locale.ROOT);
      kinds.merge(kind, 1, Integer::sum);
      JsonNode interval = pair.path("interval95");
      rows.add(
          List.of(
              categories.get(pair.path("i").asInt()) + " – " + categories.get(pair.path("j").asInt()),
              Numbers.of(
                  Measured.number(pair.path("similarity")),
                  Measured.number(interval.path("low")),
                  Measured.number(interval.path("high"))),
              kind,
              Numbers.probability(Measured.number(pair.path("max_t")))));
    }
    List<String> counts = new ArrayList<>();
    kinds.forEach((kind, count) -> counts.add(count + " " + kind));
    page.text().paragraph("Of %d pairs: %s.".formatted(rows.size(), String.join(", ", counts)));
    if (!rows.isEmpty() && rows.size() <= 15) {
      page.text().table(List.of("pair", "S effect [95 %]", "pair is", "p (max-T)"), rows);
    }
  }

  private List<String> categories() {
    List<String> categories = new ArrayList<>();
    tests.path("categories").forEach(category -> categories.add(category.asText()));
    return categories;
  }

  private static int[] order(JsonNode vectors, int n) {
    JsonNode order = vectors.path("leaf_order");
    return order.size() == n
        ? IntStream.range(0, n).map(i -> order.get(i).asInt()).toArray()
        : IntStream.range(0, n).toArray();
  }

  private void heatmap(String stem, String title, JsonNode vectors) {
    double[][] similarity = Measured.matrix(vectors.path("similarity"));
    int n = similarity.length;
    int[] order = order(vectors, n);
    double[][] values = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        values[i][j] = similarity[order[i]][order[j]];
      }
    }
    List<String> names = IntStream.of(order).mapToObj(categories()::get).toList();
    page.figure(
        stem, title,
        new Heatmap(title, "", "", names, names, values, ColorScale.diverging(1), "S", Theme.LIGHT));
  }

  private void dendrogram(String at, JsonNode vectors) {
    List<Dendrogram.Merge> merges = new ArrayList<>();
    for (JsonNode merge : vectors.path("merges")) {
      merges.add(
          new Dendrogram.Merge(
              merge.path("left").asInt(), merge.path("right").asInt(),
              Math.max(0, 1 - Measured.number(merge.path("similarity")))));
    }
    if (categories().size() < 3 || merges.size() != categories().size() - 1) {
      return;
    }
    double cut = 1 - Measured.number(verdict.path("thresholds").path("cluster_cut"));
    String title = "Average linkage of S effect at " + at + "; dashed: where clusters are cut";
    page.figure("report_s_effect_tree", title, new Dendrogram(title, "1 - S", categories(), merges, cut, Theme.LIGHT));
  }

  void statistics() {
    page.text().heading(2, "Statistics");
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode point : tests.path("hook_points")) {
      statistics(point.path("hook_point").asText(), "effect", point.path("effect"), rows);
      statistics(point.path("hook_point").asText(), "latents", point.path("latents"), rows);
    }
    statistics("all", "latents", tests.path("pooled_latents"), rows);
    JsonNode auc = tests.path("auc");
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
    double least = leastReliability(tests);
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

  private static double leastReliability(JsonNode tests) {
    double least = Double.NaN;
    for (double each : Measured.row(tests.path("reliability").path("reliability"))) {
      least = Double.isNaN(least) ? each : Math.min(least, each);
    }
    return least;
  }

  /** S of the profile where the vectors that it divides by are known well enough, else nothing. */
  private JsonNode similarity(JsonNode entry, String vectors) {
    JsonNode estimate = entry.path("s_" + vectors);
    for (JsonNode point : tests.path("hook_points")) {
      if (point.path("hook_point").asText().equals(entry.path("hook_point").asText())
          && leastReliability(point.path(vectors)) < Measured.number(verdict.path("thresholds").path("min_reliability"))) {
        return MissingNode.getInstance();
      }
    }
    return estimate;
  }

  private static String location(JsonNode test) {
    return withP(Measured.number(test.path("statistic")), Measured.number(test.path("p")));
  }

  private static String withP(double statistic, double p) {
    return Double.isFinite(statistic)
        ? "%s (%s)".formatted(Numbers.of(statistic), Numbers.probability(p))
        : Numbers.of(statistic);
  }

  void thresholds() {
    page.text().heading(2, "Thresholds");
    page.text().paragraph("Every threshold of the verdict, as used; they are set under `verdict:` of stats.");
    List<List<String>> rows = new ArrayList<>();
    verdict.path("thresholds").fields().forEachRemaining(
        field -> rows.add(
            List.of(
                "`" + field.getKey() + "`",
                field.getValue().isValueNode() ? field.getValue().asText() : field.getValue().toString())));
    page.text().table(List.of("threshold", "value"), rows);
  }
}
