package org.refusal.stage;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.refusal.plot.FigureFiles;
import org.refusal.plot.LineChart;
import org.refusal.plot.Theme;
import org.refusal.report.Renderer;
import org.refusal.verdict.Calibration;
import org.refusal.verdict.Calibration.Power;

/** How often the verdict decides, over how alike the causes are. */
public final class CalibrationFigures {
  private CalibrationFigures() {}

  /** Writes {@code calibration_power.png} and {@code .svg}: one curve per answer and number of prompts, with its interval. */
  public static List<Path> write(Calibration calibration, Path folder) {
    return FigureFiles.write(power(calibration), folder, "calibration_power", Renderer.PICTURE_DPI);
  }

  static LineChart power(Calibration calibration) {
    List<Power> all = calibration.power();
    List<LineChart.Series> series = new ArrayList<>();
    for (String answer : List.of("MODULAR", "MONOLITHIC")) {
      for (int prompts : all.stream().mapToInt(Power::prompts).distinct().toArray()) {
        List<Power> rows = all.stream().filter(row -> row.prompts() == prompts).toList();
        boolean one = answer.equals("MONOLITHIC");
        series.add(
            new LineChart.Series(
                "%s, %d + %d".formatted(answer, prompts, rows.get(0).heldout()),
                values(rows, Power::cosine),
                values(rows, row -> one ? row.monolithic() : row.modular()),
                values(rows, row -> (one ? row.monolithicInterval() : row.modularInterval()).low()),
                values(rows, row -> (one ? row.monolithicInterval() : row.modularInterval()).high())));
      }
    }
    return new LineChart(
        "How often the verdict decides, by discovery + held-out prompts per category",
        "true cosine of every two categories' causes",
        "share of simulations",
        series,
        false,
        new double[] {0, 1},
        null,
        Theme.LIGHT);
  }

  private static double[] values(List<Power> rows, ToDoubleFunction<Power> value) {
    return rows.stream().mapToDouble(value).toArray();
  }
}
