package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.refusal.circuit.HookPoint;
import org.refusal.plot.LineChart;
import org.refusal.plot.Theme;

/** How far the model has decided at every hook point, and what is shared there. */
public final class DecisionSection implements Section {
  @Override
  public String title() {
    return "Where the model decides";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of(Source.STATS);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    VerdictFigures stats = VerdictFigures.of(sources.need(Source.STATS));
    JsonNode profile = stats.verdict().path("profile");
    if (profile.isEmpty()) {
      page.text().paragraph("No hook point was measured.");
      return;
    }
    page.text().paragraph(
        "*Decided* is the share of the refusal gap that is lost when only the positions after the user's text are set to"
            + " what an answered prompt has there. The decision layer is the first `residuals_N` at which it is at least "
            + Numbers.of(stats.threshold("decided"))
            + ". After it, sharing is convergence and no evidence. Decision layer: "
            + VerdictFigures.layer(stats.verdict().path("decision_layer"))
            + "; one cause from here on: "
            + VerdictFigures.layer(stats.verdict().path("first_shared_layer"))
            + ".");
    everyLayer(stats, page);
    List<String> names = new ArrayList<>();
    profile.forEach(entry -> names.add(entry.path("hook_point").asText()));
    Map<String, Measured[]> curves = new LinkedHashMap<>();
    for (int i = 0; i < names.size(); i++) {
      JsonNode entry = profile.get(i);
      put(curves, "decided", names.size(), i, entry.path("decided"));
      put(curves, "D effect", names.size(), i, entry.path("d").path("effect"));
      put(curves, "D latent", names.size(), i, entry.path("d").path("latent"));
      put(curves, "S effect", names.size(), i, similarity(stats, entry, "effect"));
      put(curves, "S latents", names.size(), i, similarity(stats, entry, "latents"));
    }
    page.figure(
        "report_profile",
        "Decided, distinctness D and similarity S per captured hook point; weak forms, and S of vectors that are less reliable than %s, are left out"
            .formatted(Numbers.of(stats.threshold("min_reliability"))),
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
              Measured.of(similarity(stats, entry, "effect")).text(),
              Measured.of(similarity(stats, entry, "latents")).text(),
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
  private static void everyLayer(VerdictFigures stats, ReportPage page) {
    JsonNode layers = stats.verdict().path("layers");
    if (layers.isEmpty()) {
      return;
    }
    List<Measured> decided = new ArrayList<>();
    List<Double> at = new ArrayList<>();
    List<Boolean> captured = new ArrayList<>();
    for (JsonNode layer : layers) {
      at.add((double) HookPoint.parse(layer.path("hook_point").asText()).layer());
      decided.add(VerdictFigures.figure(layer.path("decided")));
      captured.add(layer.path("captured").asBoolean());
    }
    int[] all = IntStream.range(0, at.size()).toArray();
    int[] seen = IntStream.of(all).filter(captured::get).toArray();
    double bar = stats.threshold("decided");
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

  /** S of the profile where the vectors that it divides by are known well enough, else nothing. */
  private static JsonNode similarity(VerdictFigures stats, JsonNode entry, String vectors) {
    JsonNode estimate = entry.path("s_" + vectors);
    for (JsonNode point : stats.tests().path("hook_points")) {
      if (point.path("hook_point").asText().equals(entry.path("hook_point").asText())
          && VerdictFigures.leastReliability(point.path(vectors)) < stats.threshold("min_reliability")) {
        return MissingNode.getInstance();
      }
    }
    return estimate;
  }
}
