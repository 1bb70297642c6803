package org.refusal.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.refusal.base.UserException;
import org.refusal.data.Category;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedSpec;
import org.refusal.demo.PlantedVariant;
import org.refusal.io.Json;

class PlantedSeriesTest {
  private static final List<List<String>> ALONE = List.of(List.of("a"), List.of("b"));
  private static final List<List<String>> TOGETHER = List.of(List.of("b", "a"));

  private static PlantedTrial trial(String kind, long seed, String expected, String found, double legacy) {
    List<List<String>> truth = kind.equals("monolithic") ? List.of(List.of("a", "b")) : ALONE;
    List<List<String>> clusters =
        switch (found) {
          case "MONOLITHIC" -> TOGETHER;
          case "MODULAR" -> ALONE;
          default -> List.of();
        };
    return new PlantedTrial(
        kind, null, "plain", seed, List.of(36, 36), expected, found, clusters, truth, "residuals_2", "residuals_2",
        kind.equals("monolithic") ? "residuals_2" : "residuals_4", kind.equals("monolithic") ? "residuals_2" : "residuals_3",
        List.of("why"), 0.9, Double.NaN, null, legacy);
  }

  @Test
  void atABarBothAnswersAreRight() {
    assertThat(answered(.8, "GRADED", "MONOLITHIC")).isEqualTo(PlantedTrial.Outcome.RIGHT);
    assertThat(answered(.79, "GRADED", "MONOLITHIC")).isEqualTo(PlantedTrial.Outcome.RIGHT);
    assertThat(answered(.75, "GRADED", "MONOLITHIC")).isEqualTo(PlantedTrial.Outcome.WRONG);
    assertThat(answered(.8, "GRADED", "MODULAR")).isEqualTo(PlantedTrial.Outcome.WRONG);
    assertThat(answered(.5, "GRADED", "MODULAR")).isEqualTo(PlantedTrial.Outcome.RIGHT);
    assertThat(answered(.8, "GRADED", "INCONCLUSIVE")).isEqualTo(PlantedTrial.Outcome.UNDECIDED);
  }

  private static PlantedTrial.Outcome answered(double share, String expected, String found) {
    return new PlantedTrial(
            "graded", share, "plain", 1000, List.of(36, 36), expected, found, List.of(), List.of(), "residuals_2",
            "residuals_2", "residuals_3", "residuals_3", List.of(), 0.5, 1 - share, null, Double.NaN)
        .outcome();
  }

  private static PlantedTrial graded(double share, long seed, double value, double low, double high) {
    return new PlantedTrial(
        "graded", share, "plain", seed, List.of(36, 36), "GRADED", "GRADED", List.of(), List.of(), "residuals_2", "residuals_2",
        "residuals_3", "residuals_3", List.of(), 0.5, 1 - value, new PlantedTrial.Shared(share, value, low, high), Double.NaN);
  }

  @Test
  void countsHowOftenTheSharedPartIsCovered() {
    PlantedSeries series =
        PlantedSeries.of(
            List.of(
                graded(0.6, 1, 0.5, 0.4, 0.58),
                graded(0.6, 2, 0.62, 0.55, 0.7),
                graded(0.7, 1, 0.7, 0.65, 0.75),
                trial("modular", 1, "MODULAR", "MODULAR", Double.NaN)));

    assertThat(series.rows()).as("a row for each share").hasSize(3);
    PlantedSeries.Row row = series.rows().get(0);
    assertThat(row.trueSharedPart()).isEqualTo(0.6);
    assertThat(row.sharedMeasured()).isEqualTo(2);
    assertThat(row.sharedCovered()).isEqualTo(1);
    assertThat(row.sharedPart()).containsExactly(new double[] {0.5, 0.56, 0.62}, within(1e-12));
    assertThat(series.rows().get(1).sharedCovered()).isEqualTo(1);
    assertThat(series.rows().get(2).sharedMeasured()).isZero();
    assertThat(series.markdown()).contains("| 0.60 | 0.56 (0.50, 0.62) | 1 of 2 |");
  }

  @Test
  void countsWhatIsRightUndecidedAndWrong() {
    PlantedSeries series =
        PlantedSeries.of(
            List.of(
                trial("monolithic", 1, "MONOLITHIC", "MONOLITHIC", 0.9),
                trial("monolithic", 2, "MONOLITHIC", "INCONCLUSIVE", 0.7),
                trial("monolithic", 3, "MONOLITHIC", "MODULAR", 0.5),
                trial("modular", 1, "MODULAR", "MODULAR", 0.6)));

    PlantedSeries.Row row = series.rows().get(0);
    assertThat(row.models()).isEqualTo(3);
    assertThat(row.right()).isEqualTo(1);
    assertThat(row.undecided()).isEqualTo(1);
    assertThat(row.wrong()).isEqualTo(1);
    assertThat(row.clustersRight()).as("the order of members means nothing; INCONCLUSIVE has none").isEqualTo(1);
    assertThat(row.profileRight()).isEqualTo(3);
    assertThat(row.rightInterval().low()).isCloseTo(0.061, within(0.001));
    assertThat(row.rightInterval().high()).isCloseTo(0.792, within(0.001));
    assertThat(row.legacySimilarity()).containsExactly(new double[] {0.5, 0.7, 0.9}, within(1e-12));
    assertThat(series.rows().get(1).profileRight()).as("first shared layer 4, not 3").isZero();
    assertThat(series.markdown()).contains("| monolithic | plain | 2 x 36 |", "0.33 [0.06, 0.79]");
  }

  @Test
  void theLegacyCutIsTheBestForTheseModels() {
    PlantedSeries.Legacy legacy =
        PlantedSeries.of(
                List.of(
                    trial("monolithic", 1, "MONOLITHIC", "MONOLITHIC", 0.9),
                    trial("monolithic", 2, "MONOLITHIC", "MONOLITHIC", 0.5),
                    trial("modular", 1, "MODULAR", "MODULAR", 0.6),
                    trial("modular", 2, "MODULAR", "MODULAR", 0.3),
                    trial("none", 1, "INCONCLUSIVE", "INCONCLUSIVE", 0.95)))
            .legacy();
    assertThat(legacy.cut()).isEqualTo(0.3);
    assertThat(legacy.monolithicRight()).isEqualTo(1);
    assertThat(legacy.othersRight()).isEqualTo(0.5);
    assertThat(legacy.noneAbove()).isEqualTo(1);
  }

  @Test
  void withoutLegacyCircuitsNothingIsConcluded() {
    PlantedSeries series =
        PlantedSeries.of(List.of(trial("monolithic", 1, "MONOLITHIC", "MONOLITHIC", Double.NaN)));
    assertThat(series.legacy()).isNull();
    assertThat(series.markdown()).doesNotContain("Legacy conclusion");
  }

  @Test
  void aTrialSurvivesItsFile() {
    for (PlantedTrial trial :
        List.of(trial("modular", 4, "MODULAR", "MODULAR", Double.NaN), graded(0.6, 1, 0.5, 0.4, 0.58))) {
      PlantedTrial read = Json.mapper().convertValue(Json.mapper().valueToTree(trial), PlantedTrial.class);
      assertThat(read).isEqualTo(trial);
    }
  }

  @Test
  void variantsChangeOneThing() {
    PlantedSpec plain =
        new PlantedSpec(PlantedKind.MODULAR, 1, 0, Category.OR_BENCH.subList(0, 3), 40, 40, 0.01, 0);
    assertThat(PlantedVariant.PLAIN.of(plain)).isEqualTo(plain);
    assertThat(PlantedVariant.LEAK.of(plain)).isEqualTo(plain.withLeak(4));
    assertThat(PlantedVariant.NOISE.of(plain)).isEqualTo(plain.withWeightNoise(0.03));
    assertThat(PlantedVariant.UNEQUAL.of(plain).toxicSizes()).containsExactly(40, 60, 80);
    assertThat(PlantedVariant.MISLABELLED.of(plain)).isEqualTo(plain.withPrompts(50, 50).withMislabelled(0.1));
    assertThat(PlantedVariant.FEW.of(plain)).isEqualTo(plain.withPrompts(20, 20));
    assertThat(PlantedVariant.FEW.expected(plain)).isEqualTo("INCONCLUSIVE");
    assertThat(PlantedVariant.LEAK.expected(plain)).isEqualTo("MODULAR");
    assertThatThrownBy(() -> PlantedVariant.parse("leek"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("leek");
  }
}
