package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;
import org.refusal.plot.ColorScale;
import org.refusal.plot.Dendrogram;
import org.refusal.plot.Heatmap;
import org.refusal.plot.Theme;
import org.refusal.stats.AverageLinkage;

/** Causal transfer of pairs of categories where the model decides, and how alike their vectors are. */
public final class PairsSection implements Section {
  /** Pairs of ten categories. */
  private static final int MOST_PAIRS = 45;

  @Override
  public String title() {
    return "Do categories share the cause?";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.STATS);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    VerdictFigures stats = VerdictFigures.of(sources.need(Source.STATS));
    if (stats.verdict().path("pairs").isEmpty()) {
      page.text().paragraph("No causal transfer of pairs was measured where the model decides.");
    } else {
      transfer(stats, page, stats.verdict().path("decision_layer").asText());
    }
    Optional<String> at = stats.decisionPoint();
    if (at.isPresent() && !stats.at(at.get()).path("effect").path("similarity").isEmpty()) {
      alike(stats, page, at.get());
    }
  }

  private static void transfer(VerdictFigures stats, ReportPage page, String at) {
    List<String> categories = stats.categories();
    JsonNode pairs = stats.verdict().path("pairs");
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
      transfer[i][j] = VerdictFigures.figure(pair.path("transfer")).value();
      transfer[j][i] = transfer[i][j];
      rows.add(
          List.of(
              Markdown.escape(first) + " – " + Markdown.escape(second), VerdictFigures.figure(pair.path("transfer")).text(),
              pair.path("kind").asText().toLowerCase(Locale.ROOT),
              similarity(stats, at, i, j)));
    }
    JsonNode thresholds = stats.verdict().path("thresholds");
    page.text().paragraph(
        ("Causal transfer t of two categories at `%s`: how much of each other's refusal their parts carry, 1 for as much as of their"
                + " own. A pair is *shared* when its 90 %% interval lies above %s, *distinct* when its 95 %% interval lies below %s,"
                + " *partial* when it lies between, *open* otherwise.")
            .formatted(
                at, Numbers.of(Measured.number(thresholds.path("shared"))),
                Numbers.of(Measured.number(thresholds.path("distinct")))));
    if (!stats.answer().equals("INCONCLUSIVE")) {
      List<String> reasons = stats.texts("reasons");
      page.text().paragraph("So " + String.join("; ", reasons) + ".");
    }
    AverageLinkage tree = AverageLinkage.of(transfer);
    heatmap(stats, page, "report_pairs", "Causal transfer t of pairs at " + at, transfer, tree.order(), ColorScale.sequential(0, 1), "causal transfer t");
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

  private static String similarity(VerdictFigures stats, String at, int i, int j) {
    for (JsonNode pair : stats.at(at).path("effect").path("pairs")) {
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

  private static void alike(VerdictFigures stats, ReportPage page, String at) {
    JsonNode effect = stats.at(at).path("effect");
    JsonNode latents = stats.at(at).path("latents");
    page.text().heading(3, "How alike are the categories' vectors?");
    page.text().paragraph(
        ("Similarity S at `%s`%s describes and does not decide: everything harmful differs from everything harmless in common ways,"
                + " whether or not these are what the model reads.")
            .formatted(
                at, stats.verdict().path("decision_layer").isTextual() ? "" : ", the last captured hook point,"));
    similarities(stats, page, "report_s_effect", "S of effects at " + at, effect);
    if (!latents.path("similarity").isEmpty()) {
      similarities(stats, page, "report_s_latents", "S of latents at " + at, latents);
    }
  }

  private static void similarities(
      VerdictFigures stats, ReportPage page, String stem, String title, JsonNode vectors) {
    double[][] similarity = Measured.matrix(vectors.path("similarity"));
    int[] order = AverageLinkage.of(similarity).order();
    heatmap(stats, page, stem, title, similarity, order, ColorScale.diverging(1), "similarity S");
  }

  private static void heatmap(
      VerdictFigures stats,
      ReportPage page,
      String stem,
      String title,
      double[][] matrix,
      int[] order,
      ColorScale colors,
      String unit) {
    double[][] values =
        IntStream.of(order)
            .mapToObj(i -> IntStream.of(order).mapToDouble(j -> matrix[i][j]).toArray())
            .toArray(double[][]::new);
    List<String> names = IntStream.of(order).mapToObj(stats.categories()::get).toList();
    page.figure(stem, title, new Heatmap(title, "", "", names, names, values, colors, unit, Theme.LIGHT));
  }
}
