package org.refusal.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.evaluation.DecisionProfile;
import org.refusal.evaluation.LayerDecision;
import org.refusal.evaluation.Resampled;
import org.refusal.evaluation.TransferFile;
import org.refusal.plot.LineChart;

class EvaluationFiguresTest {
  @TempDir Path folder;

  private static TransferFile transfer(List<LayerDecision> profile) {
    Map<String, TransferFile.AtPoint> points = new LinkedHashMap<>();
    double[] decided = {.19, .31, .62, .86};
    String[] names = {"residuals_14", "residuals_mid_15", "residuals_15", "residuals_16"};
    for (int i = 0; i < names.length; i++) {
      points.put(names[i], at(decided[i], .97));
    }
    points.put("mlp_16", at(.35, .6));
    return TransferFile.of("tiny", List.of("hate"), 42, 100, "reproducible", "own", Map.of(), null, points).withDecisionProfile(profile);
  }

  private static TransferFile.AtPoint at(double decided, double everywhere) {
    return new TransferFile.AtPoint(
        new DecisionProfile(
            new double[0][], new double[0][], new double[0],
            new Resampled(decided, decided - .06, decided + .06, 100),
            new Resampled(everywhere, everywhere - .03, everywhere + .03, 100)),
        Map.of(), null);
  }

  private static List<LayerDecision> profile() {
    List<LayerDecision> profile = new ArrayList<>();
    for (int layer = 0; layer < 30; layer++) {
      double decided = 1 / (1 + Math.exp((14.7 - layer) / .8));
      double half = .03 + .15 * decided * (1 - decided) * 4;
      profile.add(
          new LayerDecision(
              "residuals_" + layer, new double[0][], new double[0][], layer == 20 ? Double.NaN : decided, decided - half,
              decided + half));
    }
    return profile;
  }

  @Test
  void theProfileShowsEveryLayerAndMarksTheCapturedOnes() {
    TransferFile transfer = transfer(profile());
    LineChart chart = EvaluationFigures.everyLayer(transfer);
    assertThat(chart.series().stream().map(LineChart.Series::name))
        .containsExactly(
            "every layer, few prompts", "captured", "captured, all positions", "captured mlp, attention", "decision: 0.5");
    assertThat(chart.series().get(0).x()).hasSize(30);
    assertThat(chart.series().get(1).x()).containsExactly(14, 14.5, 15, 16);
    assertThat(chart.series().get(1).y()).containsExactly(.19, .31, .62, .86);
    assertThat(chart.series().get(3).x()).containsExactly(15.75);
    assertThat(EvaluationFigures.decisionProfile(transfer, folder))
        .hasSize(2).allSatisfy(file -> assertThat(file).isNotEmptyFile());
  }

  @Test
  void withoutAProfileTheCapturedOnesStandAlone() {
    assertThat(EvaluationFigures.decisionProfile(transfer(List.of()), folder))
        .hasSize(2).allSatisfy(file -> assertThat(file).isNotEmptyFile());
  }
}
