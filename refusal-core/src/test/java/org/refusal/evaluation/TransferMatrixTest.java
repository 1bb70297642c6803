package org.refusal.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sums by hand. */
class TransferMatrixTest {
  // Delta is 10 for the first category and 5 for the second
  private final List<RefusalGap> gaps =
      List.of(
          new RefusalGap(new long[] {3, 4}, new double[] {6, 8}, new double[] {-4, -2}),
          new RefusalGap(new long[] {1, 7}, new double[] {3, 3}, new double[] {-2, -2}));

  private TransferMatrix of(double ownDrop, double otherDrop, double control, double[][][][] resamples) {
    double[][][] drops = {
      {{10 * ownDrop, 10 * ownDrop}, {5 * otherDrop, 5 * otherDrop}},
      {{10 * otherDrop, 10 * otherDrop}, {5 * ownDrop, 5 * ownDrop}}
    };
    double[][][] controls = {{{10 * control, 10 * control}, {5 * control, 5 * control}}};
    return TransferMatrix.of(new int[] {1, 1}, drops, controls, resamples, gaps, 100, new SplittableRandom(1));
  }

  @Test
  void dropsStandInUnitsOfTheGapOfTheCategoryThatIsMeasured() {
    TransferMatrix matrix = of(.8, .2, 0, new double[0][][][]);
    assertThat(matrix.drop()).isDeepEqualTo(new double[][] {{.8, .2}, {.2, .8}});
    assertThat(matrix.ownDrop().value()).isCloseTo(.8, within(1e-12));
    assertThat(matrix.distinctness().value()).isCloseTo(.75, within(1e-12));
    assertThat(matrix.distinctness().low()).isCloseTo(.75, within(1e-12));
    assertThat(matrix.weak()).isNull();
  }

  @Test
  void aSmallOwnDropIsWeak() {
    assertThat(of(.05, .05, 0, new double[0][][][]).weak()).contains("0.050 is below 0.1");
  }

  @Test
  void anOwnDropThatRandomPartsReachIsWeak() {
    assertThat(of(.4, .1, .4, new double[0][][][]).weak()).contains("meets that of random parts");
  }

  @Test
  void intervalsResampleTheDiscoveryDirections() {
    double[][][][] resamples = new double[2][][][];
    for (int b = 0; b < 2; b++) {
      double own = b == 0 ? .7 : .9;
      resamples[b] = new double[][][] {{{10 * own, 10 * own}, {1, 1}}, {{2, 2}, {5 * own, 5 * own}}};
    }
    TransferMatrix matrix = of(.8, .2, 0, resamples);
    assertThat(matrix.ownDrop().value()).isCloseTo(.8, within(1e-12));
    assertThat(matrix.ownDrop().low()).isCloseTo(.7, within(1e-12));
    assertThat(matrix.ownDrop().high()).isCloseTo(.9, within(1e-12));
  }

  @Test
  void theFileIsReadAsItWasWritten(@TempDir Path folder) {
    DecisionProfile decision =
        new DecisionProfile(
            new double[][] {{1, 2}, {3, 4}},
            new double[][] {{1, 2}, {3, 4}},
            new double[] {.15, .7},
            new Interval(.4, .1, .7, 100),
            new Interval(.4, .1, Double.NaN, 100));
    TransferFile file =
        TransferFile.of(
            "org/model",
            List.of("privacy", "violence"),
            42,
            100,
            Map.of("privacy", gaps.get(0), "violence", gaps.get(1)),
            Map.of(
                "residuals_2",
                new TransferFile.AtPoint(decision, 3, Map.of("effect", of(.8, .2, 0, new double[0][][][])))));
    Path path = folder.resolve("model_transfer.json");
    file.write(path);
    TransferFile read = TransferFile.read(path);
    assertThat(read)
        .usingRecursiveComparison()
        .withComparatorForType(Double::compare, Double.class)
        .isEqualTo(file);
    assertThat(org.refusal.io.Json.read(path).at("/hook_points/residuals_2/forms/effect/D/value").asDouble())
        .isCloseTo(.75, within(1e-12));
  }
}
