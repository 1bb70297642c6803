package org.refusal.trial;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.refusal.plot.FigureFiles;
import org.refusal.plot.LineChart;
import org.refusal.plot.Theme;
import org.refusal.report.Renderer;
import org.refusal.stats.Wilson;
import org.refusal.trial.Calibration.Answers;
import org.refusal.verdict.Answer;

/** How often the verdict gives which answer, over the true shared part. */
public final class CalibrationFigures {
  private static final double LEVEL = 0.95;

  private CalibrationFigures() {}

  /**
   * Writes {@code calibration_power} and {@code calibration_bars}, each as {@code .png} and {@code .svg}: one curve per answer
   * (and number of prompts), with its interval.
   */
  public static List<Path> write(Calibration calibration, Path folder) {
    List<Path> files = new ArrayList<>();
    files.addAll(FigureFiles.write(power(calibration), folder, "calibration_power", Renderer.PICTURE_DPI));
    files.addAll(FigureFiles.write(bars(calibration), folder, "calibration_bars", Renderer.PICTURE_DPI));
    return files;
  }

  static LineChart power(Calibration calibration) {
    List<Answers> all = calibration.power();
    List<LineChart.Series> series = new ArrayList<>();
    for (Answer answer : List.of(Answer.MODULAR, Answer.GRADED, Answer.MONOLITHIC)) {
      for (int prompts : all.stream().mapToInt(Answers::prompts).distinct().toArray()) {
        List<Answers> rows = all.stream().filter(row -> row.prompts() == prompts).toList();
        series.add(series("%s, %d + %d".formatted(answer, prompts, rows.get(0).heldout()), answer, rows));
      }
    }
    return chart("How often the verdict decides, by discovery + held-out prompts per category", series);
  }

  static LineChart bars(Calibration calibration) {
    List<LineChart.Series> series = new ArrayList<>();
    for (Answer answer : Answer.values()) {
      series.add(series(answer.name(), answer, calibration.curves()));
    }
    Answers any = calibration.curves().get(0);
    return chart(
        "Answers around the bars .5 and .8, %d + %d prompts per category".formatted(any.prompts(), any.heldout()),
        series);
  }

  private static LineChart.Series series(String name, Answer answer, List<Answers> rows) {
    return new LineChart.Series(
        name,
        values(rows, Answers::sharedPart),
        values(rows, row -> row.share(answer)),
        values(rows, row -> Wilson.interval(row.count(answer), row.simulations(), LEVEL).low()),
        values(rows, row -> Wilson.interval(row.count(answer), row.simulations(), LEVEL).high()));
  }

  private static LineChart chart(String title, List<LineChart.Series> series) {
    return new LineChart(
        title, "true shared part", "share of simulations", series, false, new double[] {0, 1}, null, Theme.LIGHT);
  }

  private static double[] values(List<Answers> rows, ToDoubleFunction<Answers> value) {
    return rows.stream().mapToDouble(value).toArray();
  }
}
