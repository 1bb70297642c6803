package org.refusal.report;

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
import org.refusal.circuit.HookPoint;
import org.refusal.plot.ColorScale;
import org.refusal.plot.Dendrogram;
import org.refusal.plot.Heatmap;
import org.refusal.plot.LineChart;
import org.refusal.plot.Theme;
import org.refusal.stats.AverageLinkage;

/** What the statistics file says: the verdict and the evidence that it rests on. */
public final class ReportVerdict {
  private static final String COMMAND = ": refusal ";
  /** Pairs of ten categories. */
  private static final int MOST_PAIRS = 45;

  private final ReportPage page;
  private final JsonNode verdict;
  private final JsonNode tests;

  public ReportVerdict(ReportPage page, JsonNode stats) {
    this.page = page;
    this.verdict = stats.path("verdict");
    this.tests = stats.path("tests");
  }

  String answer() {
    return verdict.path("answer").asText();
  }

  /** The answer, what it rests on, and, where there is none, what would settle it. */
  public void headline() {
    String headline = verdict.path("headline").asText();
    page.text().quote("**%s**%s".formatted(answer(), Markdown.escape(headline.substring(answer().length()))), texts("facts"));
    List<String> also = new ArrayList<>();
    if (Double.isFinite(figure(verdict.path("shared_part")).value())) {
      also.add("Shared part, 1 - D of the effect form: %s".formatted(figure(verdict.path("shared_part")).text()));
      also.add(
          "Mean S of the effect vectors over pairs of categories, which describes and does not decide: %s"
              .formatted(figure(verdict.path("similarity")).text()));
    }
    verdict.path("left_out").properties().forEach(entry ->
        also.add("Left out: %s (%s)".formatted(Markdown.escape(entry.getKey()), Markdown.escape(entry.getValue().asText()))));
    if (!verdict.path("remark").asText().isEmpty()) {
      also.add("Remark: " + Markdown.escape(verdict.path("remark").asText()));
    }
    if (!also.isEmpty()) {
      page.text().list(also);
    }
    if (answer().equals("INCONCLUSIVE")) {
      page.text().heading(3, "What is still possible");
      page.text().paragraph(texts("possible").isEmpty() ? "Nothing is known." : String.join(", ", texts("possible")) + ".");
      page.text().heading(3, "Why it is not settled");
      page.text().list(texts("reasons"));
      if (!verdict.path("next_steps").isEmpty()) {
        page.text().heading(3, "What would settle it, the cheapest first");
        List<String> steps = new ArrayList<>();
        verdict.path("next_steps").forEach(step -> steps.add(withCommand(step.asText())));
        page.text().list(steps);
      }
    }
    checks();
  }

  private List<String> texts(String field) {
    List<String> texts = new ArrayList<>();
    verdict.path(field).forEach(text -> texts.add(Markdown.escape(text.asText())));
    return texts;
  }

  /** A command line ends the text after a colon. */
  private static String withCommand(String step) {
    int at = step.lastIndexOf(COMMAND);
    return at < 0
        ? Markdown.escape(step)
        : "%s: `%s`".formatted(Markdown.escape(step.substring(0, at)), step.substring(at + 2));
  }

  private void checks() {
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode check : verdict.path("checks")) {
      JsonNode holds = check.path("holds");
      rows.add(
          List.of(
              Markdown.escape(check.path("name").asText()), Markdown.escape(check.path("value").asText()),
              holds.isBoolean() ? holds.asBoolean() ? "yes" : "**no**" : "–"));
    }
    if (!rows.isEmpty()) {
      page.text().heading(3, "What was checked");
      page.text().table(List.of("check", "value", "met"), rows);
      page.text().paragraph("[low, high] is an interval of 95 %, here and below. –: only reported, or not measured.");
    }
  }

  /** A figure of the verdict: {@code {value, low, high}}. */
  private static Measured figure(JsonNode figure) {
    return new Measured(
        Measured.number(figure.path("value")), Measured.number(figure.path("low")), Measured.number(figure.path("high")));
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
  public void truth(JsonNode truth) {
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

  public void profile() {
    JsonNode profile = verdict.path("profile");
    page.text().heading(2, "Where the model decides");
    if (profile.isEmpty()) {
      page.text().paragraph("No hook point was measured.");
      return;
    }
    page.text().paragraph(
        "*Decided* is the share of the refusal gap that is lost when only the positions after the user's text are set to"
            + " what an answered prompt has there. The decision layer is the first `residuals_N` at which it is at least "
            + Numbers.of(Measured.number(verdict.path("thresholds").path("decided")))
            + ". After it, sharing is convergence and no evidence. Decision layer: "
            + layer(verdict.path("decision_layer"))
            + "; one cause from here on: "
            + layer(verdict.path("first_shared_layer"))
            + ".");
    everyLayer();
    List<String> names = new ArrayList<>();
    profile.forEach(entry -> names.add(entry.path("hook_point").asText()));
    Map<String, Measured[]> curves = new LinkedHashMap<>();
    for (int i = 0; i < names.size(); i++) {
      JsonNode entry = profile.get(i);
      put(curves, "decided", names.size(), i, entry.path("decided"));
      put(curves, "D effect", names.size(), i, entry.path("d").path("effect"));
      put(curves, "D latent", names.size(), i, entry.path("d").path("latent"));
      put(curves, "S effect", names.size(), i, similarity(entry, "effect"));
      put(curves, "S latents", names.size(), i, similarity(entry, "latents"));
    }
    page.figure(
        "report_profile",
        "Decided, distinctness D and similarity S per captured hook point; weak forms, and S of vectors that are less reliable than %s, are left out"
            .formatted(Numbers.of(Measured.number(verdict.path("thresholds").path("min_reliability")))),
        new LineChart(
            "Where refusal is decided, and what is shared there", "hook point", "share of the refusal gap; D; S",
            series(curves), false, null, names, Theme.LIGHT));
    page.text().paragraph(
        "D of the effect form is the distinctness of causal transfer: 0 when every category's part serves all, 1 when only its"
            + " own. *Distinct read-outs*: along how many directions the later layers tell the categories apart.");
    List<List<String>> deciding = new ArrayList<>();
    List<List<String>> describing = new ArrayList<>();
    List<List<String>> readouts = new ArrayList<>();
    for (JsonNode entry : profile) {
      String at = entry.path("hook_point").asText();
      JsonNode readout = entry.path("readout");
      deciding.add(
          List.of(
              at,
              Measured.of(entry.path("decided")).text(),
              entry.path("weak_forms").has("effect") ? "weak" : Measured.of(entry.path("d").path("effect")).text(),
              distinct(readout),
              Measured.of(entry.path("completeness")).text(),
              entry.path("cause").asText("–").toLowerCase(Locale.ROOT)));
      describing.add(
          List.of(
              at,
              Measured.of(similarity(entry, "effect")).text(),
              Measured.of(similarity(entry, "latents")).text(),
              Measured.of(entry.path("prompt_share")).text(),
              entry.path("representation").asText("–")));
      if (readout.isObject()) {
        readouts.add(
            List.of(
                at, distinct(readout), readout.path("rank").asText(),
                significant(Measured.number(readout.path("floor"))), spectrum(readout)));
      }
    }
    page.text()
        .table(
            List.of("hook point", "decided", "D effect", "distinct read-outs", "completeness", "cause"), deciding);
    if (!readouts.isEmpty()) {
      page.text().paragraph(
          "A read-out counts as distinct when its eigenvalue stands above the noise floor. In use: directions kept for the effect"
              + " form, those added for single categories included.");
      page.text().table(List.of("hook point", "distinct", "in use", "noise floor", "spectrum"), readouts);
    }
    page.text().paragraph(
        "The rest describes and does not decide: S, the similarity of the categories' vectors corrected for noise (1: alike), and"
            + " the prompt's share of the attributed effect.");
    page.text()
        .table(List.of("hook point", "S effect", "S latents", "prompt share", "latents are"), describing);
  }

  private static String distinct(JsonNode readout) {
    if (!readout.isObject()) {
      return "–";
    }
    return readout.path("count_known").asBoolean() ? readout.path("distinct").asText() : "too few prompts";
  }

  private static String spectrum(JsonNode readout) {
    List<String> values = new ArrayList<>();
    for (double value : Measured.row(readout.path("spectrum"))) {
      values.add(significant(value));
    }
    return String.join(" ", values);
  }

  /** Two decimals say nothing of a noise floor. */
  private static String significant(double value) {
    return Math.abs(value) < .00005 ? "0" : Numbers.of(value, Math.abs(value) < .095 ? 4 : 2);
  }

  /** How far the model has decided after every layer; nothing where that was not measured. */
  private void everyLayer() {
    JsonNode layers = verdict.path("layers");
    if (layers.isEmpty()) {
      return;
    }
    List<Measured> decided = new ArrayList<>();
    List<Double> at = new ArrayList<>();
    List<Boolean> captured = new ArrayList<>();
    for (JsonNode layer : layers) {
      at.add((double) HookPoint.parse(layer.path("hook_point").asText()).layer());
      decided.add(figure(layer.path("decided")));
      captured.add(layer.path("captured").asBoolean());
    }
    int[] all = IntStream.range(0, at.size()).toArray();
    int[] seen = IntStream.of(all).filter(captured::get).toArray();
    double bar = Measured.number(verdict.path("thresholds").path("decided"));
    double[] ends = {at.get(0) - .5, at.get(at.size() - 1) + .5};
    page.figure(
        "report_layers",
        "How far the model has decided after each layer, with the interval of 95 %; captured layers are marked",
        new LineChart(
            "How far the model has decided, by layer", "layer (residual stream after it)", "share of the refusal gap",
            List.of(
                decided("every layer", at, decided, all, LineChart.Style.CURVE),
                decided("captured", at, decided, seen, LineChart.Style.POINTS),
                new LineChart.Series(
                    "decided: " + Numbers.of(bar), ends, new double[] {bar, bar}, null, null, LineChart.Style.GUIDE)),
            false, null, null, Theme.LIGHT));
  }

  private static LineChart.Series decided(
      String name, List<Double> at, List<Measured> decided, int[] which, LineChart.Style style) {
    return new LineChart.Series(
        name,
        IntStream.of(which).mapToDouble(at::get).toArray(),
        IntStream.of(which).mapToDouble(i -> decided.get(i).value()).toArray(),
        IntStream.of(which).mapToDouble(i -> decided.get(i).low()).toArray(),
        IntStream.of(which).mapToDouble(i -> decided.get(i).high()).toArray(),
        style);
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
  public Optional<String> decisionPoint() {
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

  /** Causal transfer of pairs of categories where the model decides, and how alike their vectors are. */
  public void pairs() {
    page.text().heading(2, "Do categories share the cause?");
    if (verdict.path("pairs").isEmpty()) {
      page.text().paragraph("No causal transfer of pairs was measured where the model decides.");
    } else {
      transfer(verdict.path("decision_layer").asText());
    }
    Optional<String> at = decisionPoint();
    if (at.isPresent() && !at(at.get()).path("effect").path("similarity").isEmpty()) {
      alike(at.get());
    }
  }

  private void transfer(String at) {
    List<String> categories = categories();
    JsonNode pairs = verdict.path("pairs");
    double[][] transfer = new double[categories.size()][categories.size()];
    for (int i = 0; i < transfer.length; i++) {
      transfer[i][i] = 1;
    }
    List<List<String>> rows = new ArrayList<>();
    for (JsonNode pair : pairs) {
      String first = pair.path("categories").path(0).asText();
      String second = pair.path("categories").path(1).asText();
      int i = categories.indexOf(first);
      int j = categories.indexOf(second);
      transfer[i][j] = figure(pair.path("transfer")).value();
      transfer[j][i] = transfer[i][j];
      rows.add(
          List.of(
              Markdown.escape(first) + " – " + Markdown.escape(second), figure(pair.path("transfer")).text(),
              pair.path("kind").asText().toLowerCase(Locale.ROOT),
              similarity(at, i, j)));
    }
    JsonNode thresholds = verdict.path("thresholds");
    page.text().paragraph(
        ("Causal transfer t of two categories at `%s`: how much of each other's refusal their parts carry, 1 for as much as of their"
                + " own. A pair is *shared* when its 90 %% interval lies above %s, *distinct* when its 95 %% interval lies below %s,"
                + " *partial* when it lies between, *open* otherwise.")
            .formatted(
                at, Numbers.of(Measured.number(thresholds.path("shared"))),
                Numbers.of(Measured.number(thresholds.path("distinct")))));
    if (!answer().equals("INCONCLUSIVE")) {
      List<String> reasons = texts("reasons");
      page.text().paragraph("So " + String.join("; ", reasons) + ".");
    }
    AverageLinkage tree = AverageLinkage.of(transfer);
    heatmap("report_pairs", "Causal transfer t of pairs at " + at, transfer, tree.order(), ColorScale.sequential(0, 1), "causal transfer t");
    if (categories.size() > 2) {
      page.figure(
          "report_pairs_tree", "Average linkage of causal transfer at %s; dashed: where clusters are cut".formatted(at),
          new Dendrogram(
              "Tree of causal transfer", "1 - t", categories,
              tree.merges().stream()
                  .map(merge -> new Dendrogram.Merge(merge.left(), merge.right(), Math.max(0, 1 - merge.similarity())))
                  .toList(),
              1 - Measured.number(thresholds.path("cluster_cut")), Theme.LIGHT));
    }
    if (rows.size() <= MOST_PAIRS) {
      page.text().table(List.of("pair", "t", "pair is", "S effect (describes)"), rows);
    }
  }

  private String similarity(String at, int i, int j) {
    for (JsonNode pair : at(at).path("effect").path("pairs")) {
      if (pair.path("i").asInt() == i && pair.path("j").asInt() == j) {
        JsonNode interval = pair.path("interval95");
        return new Measured(
                Measured.number(pair.path("similarity")), Measured.number(interval.path("low")),
                Measured.number(interval.path("high")))
            .text();
      }
    }
    return "–";
  }

  private void alike(String at) {
    JsonNode effect = at(at).path("effect");
    JsonNode latents = at(at).path("latents");
    page.text().heading(3, "How alike are the categories' vectors?");
    page.text().paragraph(
        ("Similarity S at `%s`%s describes and does not decide: everything harmful differs from everything harmless in common ways,"
                + " whether or not these are what the model reads.")
            .formatted(
                at, verdict.path("decision_layer").isTextual() ? "" : ", the last captured hook point,"));
    similarities("report_s_effect", "S of effects at " + at, effect);
    if (!latents.path("similarity").isEmpty()) {
      similarities("report_s_latents", "S of latents at " + at, latents);
    }
  }

  private List<String> categories() {
    List<String> categories = new ArrayList<>();
    tests.path("categories").forEach(category -> categories.add(category.asText()));
    return categories;
  }

  private void similarities(String stem, String title, JsonNode vectors) {
    double[][] similarity = Measured.matrix(vectors.path("similarity"));
    int[] order = AverageLinkage.of(similarity).order();
    heatmap(stem, title, similarity, order, ColorScale.diverging(1), "similarity S");
  }

  private void heatmap(
      String stem, String title, double[][] matrix, int[] order, ColorScale colors, String unit) {
    double[][] values =
        IntStream.of(order)
            .mapToObj(i -> IntStream.of(order).mapToDouble(j -> matrix[i][j]).toArray())
            .toArray(double[][]::new);
    List<String> names = IntStream.of(order).mapToObj(categories()::get).toList();
    page.figure(stem, title, new Heatmap(title, "", "", names, names, values, colors, unit, Theme.LIGHT));
  }

  public void statistics() {
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

  public void thresholds() {
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
