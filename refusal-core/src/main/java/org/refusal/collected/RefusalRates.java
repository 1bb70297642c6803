package org.refusal.collected;

import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVPrinter;
import org.refusal.base.AtomicFiles;
import org.refusal.collected.CollectReport.Rate;
import org.refusal.collected.CollectReport.Sides;
import org.refusal.data.Behaviour;
import org.refusal.data.Label;
import org.refusal.data.ModelOutput;
import org.refusal.plot.BarChart;
import org.refusal.plot.FigureFiles;
import org.refusal.plot.Theme;
import org.refusal.stats.Auc;
import org.refusal.stats.Interval;
import org.refusal.stats.Wilson;

/** How often the model refused, with intervals, and how well the metric tells. */
public final class RefusalRates {
  private static final double LEVEL = 0.95;
  private static final int DPI = 150;

  private RefusalRates() {}

  public static Sides of(List<ModelOutput> outputs) {
    return new Sides(
        rate(outputs, label -> label == Label.TOXIC),
        rate(outputs, label -> label == Label.HARD),
        rate(outputs, label -> label == Label.SAFE));
  }

  /** How often prompts that ought to be answered were refused; null when there are none. */
  public static Rate overRefusal(List<ModelOutput> outputs) {
    return rate(outputs, label -> !label.toxic());
  }

  /** Null without answers. */
  public static CollectReport.DefaultRefusal byDefault(List<AnswerReader.Answer> answers) {
    if (answers.isEmpty()) {
      return null;
    }
    int refused = (int) answers.stream().filter(answer -> answer.behaviour().refused()).count();
    Interval interval = Wilson.interval(refused, answers.size(), LEVEL);
    return new CollectReport.DefaultRefusal(
        answers.size(), refused, (double) refused / answers.size(), interval.low(), interval.high());
  }

  private static Rate rate(List<ModelOutput> outputs, Predicate<Label> which) {
    List<ModelOutput> side = outputs.stream().filter(output -> which.test(output.label())).toList();
    if (side.isEmpty()) {
      return null;
    }
    int refused = (int) side.stream().filter(output -> output.behaviour().refused()).count();
    int partial = (int) side.stream().filter(output -> output.behaviour() == Behaviour.PARTIAL).count();
    Interval interval = Wilson.interval(refused, side.size(), LEVEL);
    return new Rate(
        side.size(), refused, partial, (double) refused / side.size(), interval.low(), interval.high(),
        (int) side.stream().filter(ModelOutput::kept).count());
  }

  public static CollectReport.Separation separation(List<ModelOutput> outputs) {
    MetricSeparation metric = MetricSeparation.of(outputs);
    Auc auc = Auc.of(metric.refused(), metric.complied());
    return new CollectReport.Separation(
        auc.value(), auc.interval().low(), auc.interval().high(), auc.positives(), auc.negatives());
  }

  public static List<Path> chart(CollectReport report, Path folder) {
    return FigureFiles.write(figure(report), folder, "refusal_rates", DPI);
  }

  public static BarChart figure(CollectReport report) {
    List<String> names = List.copyOf(report.categories().keySet());
    List<BarChart.Bars> bars = new ArrayList<>();
    bars.add(bars("toxic", report, Sides::toxic));
    if (report.categories().values().stream().anyMatch(sides -> sides.hard() != null)) {
      bars.add(bars("hard", report, Sides::hard));
    }
    bars.add(bars("safe", report, Sides::safe));
    return new BarChart(
        "Refusal rate of %s (%s95 %% Wilson intervals)"
            .formatted(
                report.model(), report.legacy().contains("inference.detector: legacy") ? "legacy keyword detector, " : ""),
        "share of prompts refused", names, bars,
        Double.NaN, Theme.LIGHT);
  }

  private static BarChart.Bars bars(String name, CollectReport report, Function<Sides, Rate> side) {
    List<Rate> rates = report.categories().values().stream().map(side).collect(Collectors.toCollection(ArrayList::new));
    return new BarChart.Bars(
        name,
        rates.stream().mapToDouble(rate -> rate == null ? Double.NaN : rate.rate()).toArray(),
        rates.stream().mapToDouble(rate -> rate == null ? Double.NaN : rate.low()).toArray(),
        rates.stream().mapToDouble(rate -> rate == null ? Double.NaN : rate.high()).toArray());
  }

  public static List<String> summary(CollectReport report) {
    List<String> lines = new ArrayList<>();
    if (!report.legacy().isEmpty()) {
      lines.add("legacy (definitions of the original project are on): " + String.join(", ", report.legacy()));
    }
    lines.add("refusal rate, with 95 % interval:");
    int width = report.categories().keySet().stream().mapToInt(String::length).max().orElse(0);
    report.categories().forEach((category, sides) -> lines.add(line(category, width, sides)));
    if (report.categories().size() > 1) {
      lines.add(line("all", width, report.total()));
    }
    if (report.overRefusal() != null && report.total().hard() != null) {
      StringBuilder line = new StringBuilder("over-refusal:");
      append(line, "hard and safe", report.overRefusal());
      lines.add(line.toString());
    }
    CollectReport.DefaultRefusal byDefault = report.defaultRefusal();
    if (byDefault != null) {
      lines.add(
          "refusal by default: %d of %d content-free prompts = %.2f [%.2f, %.2f]"
              .formatted(byDefault.refused(), byDefault.prompts(), byDefault.rate(), byDefault.low(), byDefault.high()));
    }
    if (!report.keep().equals("all")) {
      lines.add("data.keep: " + report.keep() + ": later stages use");
      report.categories().forEach((category, sides) -> lines.add(kept(category, width, sides)));
    }
    if (report.equalTexts() != null) {
      lines.addAll(report.equalTexts().warnings());
    }
    if (!report.overLength().isEmpty()) {
      lines.add("left out, too long for the model's context: " + report.overLength().size());
    }
    if (!report.missing().isEmpty()) {
      lines.add("left out, could not be run: " + report.missing().size());
    }
    lines.add(
        "refusal tokens R (%s): %s"
            .formatted(
                report.calibrated() ? "calibrated on discovery prompts" : "from the config",
                report.refusalTokens().isEmpty()
                    ? "none, the model refused nothing"
                    : report.refusalTokens().stream()
                        .map(token -> "'" + token.piece() + "'")
                        .collect(Collectors.joining(", "))));
    CollectReport.Separation separation = report.separation();
    lines.add(
        !separation.judged()
            ? "metric m: cannot be judged, since " + separation.unknown()
            : "metric m: AUC %.3f [%.3f, %.3f], %d refused against %d answered held-out prompts%s"
                .formatted(
                    separation.auc(), separation.low(), separation.high(), separation.refused(),
                    separation.complied(), remark(separation.auc())));
    return lines;
  }

  /** What an AUC of m means for the stages to come; empty when it is good. */
  public static String remark(double auc) {
    return auc < MetricSeparation.LEAST_AUC
        ? " (below .6: discover stops unless discovery.force is true)"
        : auc < MetricSeparation.GOOD_AUC ? " (warning: below .8)" : "";
  }

  private static String line(String category, int width, Sides sides) {
    StringBuilder line = new StringBuilder(("  %-" + Math.max(1, width) + "s").formatted(category));
    append(line, "toxic", sides.toxic());
    append(line, "hard", sides.hard());
    append(line, "safe", sides.safe());
    return line.toString();
  }

  private static String kept(String category, int width, Sides sides) {
    StringBuilder line = new StringBuilder(("  %-" + Math.max(1, width) + "s").formatted(category));
    bySide(sides).forEach((side, rate) -> line.append("  %s %3d of %3d".formatted(side, rate.kept(), rate.prompts())));
    return line.toString();
  }

  /** The sides that have prompts. */
  private static Map<String, Rate> bySide(Sides sides) {
    Map<String, Rate> rates = new LinkedHashMap<>();
    rates.put("toxic", sides.toxic());
    rates.put("hard", sides.hard());
    rates.put("safe", sides.safe());
    rates.values().removeIf(Objects::isNull);
    return rates;
  }

  /** {@code {model}_collect.csv}: a row per category and side, then those of all categories and the over-refusal. */
  public static void writeTable(CollectReport report, Path file) {
    AtomicFiles.write(file, out -> {
      Writer writer = new OutputStreamWriter(out, StandardCharsets.UTF_8);
      CSVPrinter table =
          new CSVPrinter(writer, CSVFormat.RFC4180.builder().setRecordSeparator('\n').get());
      table.printRecord(
          "category", "side", "prompts", "refused", "partial", "refusal_rate", "wilson_low", "wilson_high", "kept");
      for (Map.Entry<String, Sides> category : report.categories().entrySet()) {
        print(table, category.getKey(), bySide(category.getValue()));
      }
      print(table, "all", bySide(report.total()));
      if (report.overRefusal() != null) {
        print(table, "all", Map.of("hard and safe", report.overRefusal()));
      }
      table.flush();
    });
  }

  private static void print(CSVPrinter table, String category, Map<String, Rate> rates) throws IOException {
    for (Map.Entry<String, Rate> side : rates.entrySet()) {
      Rate rate = side.getValue();
      table.printRecord(
          category, side.getKey(), rate.prompts(), rate.refused(), rate.partial(), rate.rate(), rate.low(),
          rate.high(), rate.kept());
    }
  }

  private static void append(StringBuilder line, String name, Rate rate) {
    if (rate != null) {
      line.append(
          "  %s %3d/%3d = %.2f [%.2f, %.2f]"
              .formatted(name, rate.refused(), rate.prompts(), rate.rate(), rate.low(), rate.high()));
    }
  }
}
