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

  /** Two categories: their own part takes 3 of 4 and 3 of 3 refusals, the other's 1 of 4 and none. */
  @Test
  void byBehaviourADropIsTheShareOfRefusalsThatGoAway() {
    boolean[][] clean = {{true, true, true, true}, {true, true, true}};
    boolean[][][] refused = {
      {{false, false, false, true}, {true, true, true}}, {{true, true, false, true}, {false, false, false}}
    };
    boolean[][][] controls = {{{true, true, true, false}, {true, true, true}}};
    BehaviourTransfer found = BehaviourTransfer.of(clean, refused, controls, 400, new SplittableRandom(5));
    assertThat(found.drop()[0]).containsExactly(new double[] {.75, 0}, within(1e-12));
    assertThat(found.drop()[1]).containsExactly(new double[] {.25, 1}, within(1e-12));
    assertThat(found.ownDrop().value()).isCloseTo(.875, within(1e-12));
    assertThat(found.controlDrop().value()).isCloseTo(.125, within(1e-12));
    assertThat(found.distinctness().value()).isCloseTo(1 - .125 / .875, within(1e-12));
    assertThat(found.ownDrop().low()).isLessThan(.875).isGreaterThan(0);
    assertThat(found.rate()[0][0].value()).isEqualTo(.25);
    assertThat(found.rate()[0][0].low()).as("Wilson, 1 of 4").isCloseTo(.0456, within(1e-4));
    assertThat(found.rate()[0][0].high()).isCloseTo(.6994, within(1e-4));
    assertThat(found.own().prompts()).isEqualTo(7);
    assertThat(found.own().value()).isCloseTo(1. / 7, within(1e-12));
    assertThat(found.other().value()).isCloseTo(6. / 7, within(1e-12));
    assertThat(found.control().value()).isCloseTo(6. / 7, within(1e-12));

    BehaviourTransfer partly =
        BehaviourTransfer.of(
            new boolean[][] {{true, true, false}}, new boolean[][][] {{{true, false, false}}}, new boolean[0][][], 20,
            new SplittableRandom(5));
    assertThat(partly.drop()[0][0]).as("1 of the 2 that were refused").isCloseTo(.5, within(1e-12));
    BehaviourTransfer never =
        BehaviourTransfer.of(
            new boolean[][] {{true}, {false}}, new boolean[][][] {{{false}, {false}}, {{true}, {false}}},
            new boolean[0][][], 20, new SplittableRandom(5));
    assertThat(never.weak()).isEqualTo("without intervention no prompt is refused in 1 of 2 categories");
    BehaviourTransfer idle =
        BehaviourTransfer.of(clean, new boolean[][][] {clean, clean}, controls, 20, new SplittableRandom(5));
    assertThat(idle.weak()).isEqualTo("the own drop of 0.000 is below 0.1 of the refusals");
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
    boolean[][] clean = {{true, true}, {true, false}};
    BehaviourTransfer behaviour =
        BehaviourTransfer.of(
            clean, new boolean[][][] {{{false, true}, {true, false}}, {{true, true}, {false, false}}},
            new boolean[][][] {clean}, 100, new SplittableRandom(1));
    Refusals refusals = new Refusals(20, new long[][] {{1, 2}, {3, 4}}, clean, Share.each(clean));
    TransferFile file =
        TransferFile.of(
            "org/model",
            List.of("privacy", "violence"),
            42,
            100,
            Map.of("privacy", gaps.get(0), "violence", gaps.get(1)),
            refusals,
            Map.of(
                "residuals_2",
                new TransferFile.AtPoint(
                    decision, 3, Map.of("effect", of(.8, .2, 0, new double[0][][][])), Map.of("effect", behaviour))));
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
