package org.refusal.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.io.Json;
import org.refusal.stats.Resampling;

/** What a transfer file holds, and transfer by behaviour; sums by hand. */
class TransferMatrixTest {
  private static final Resampling BOOTSTRAP = new Resampling(400, 5, 1);
  // Delta is 10 for the first category and 5 for the second
  private final List<RefusalGap> gaps =
      List.of(
          new RefusalGap(new long[] {3, 4}, new double[] {6, 8}, new double[] {-4, -2}),
          new RefusalGap(new long[] {1, 7}, new double[] {3, 3}, new double[] {-2, -2}));

  /** Two categories: their own part takes 3 of 4 and 3 of 3 refusals, the other's 1 of 4 and none. */
  @Test
  void byBehaviourADropIsTheShareOfRefusalsThatGoAway() {
    boolean[][] clean = {{true, true, true, true}, {true, true, true}};
    boolean[][][] refused = {
      {{false, false, false, true}, {true, true, true}}, {{true, true, false, true}, {false, false, false}}
    };
    boolean[][][] controls = {{{true, true, true, false}, {true, true, true}}};
    BehaviourTransfer found = BehaviourTransfer.of(clean, refused, controls, BOOTSTRAP);
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
            new boolean[][] {{true, true, false}}, new boolean[][][] {{{true, false, false}}}, new boolean[0][][],
            BOOTSTRAP);
    assertThat(partly.drop()[0][0]).as("1 of the 2 that were refused").isCloseTo(.5, within(1e-12));
    BehaviourTransfer never =
        BehaviourTransfer.of(
            new boolean[][] {{true}, {false}}, new boolean[][][] {{{false}, {false}}, {{true}, {false}}},
            new boolean[0][][], BOOTSTRAP);
    assertThat(never.weak()).isEqualTo("without intervention no prompt is refused in 1 of 2 categories");
    BehaviourTransfer idle = BehaviourTransfer.of(clean, new boolean[][][] {clean, clean}, controls, BOOTSTRAP);
    assertThat(idle.weak()).isEqualTo("the own drop of 0.00 is below 0.10 of the refusals");
  }

  @Test
  void theFileIsReadAsItWasWritten(@TempDir Path folder) throws Exception {
    DecisionProfile decision =
        new DecisionProfile(
            new double[][] {{1, 2}, {3, 4}},
            new double[][] {{1, 2}, {3, 4}},
            new double[] {.15, .7},
            new Resampled(.4, .1, .7, 100),
            new Resampled(.4, .1, Double.NaN, 100));
    boolean[][] clean = {{true, true}, {true, false}};
    BehaviourTransfer behaviour =
        BehaviourTransfer.of(
            clean, new boolean[][][] {{{false, true}, {true, false}}, {{true, true}, {false, false}}},
            new boolean[][][] {clean}, BOOTSTRAP);
    Refusals refusals = new Refusals(20, new long[][] {{1, 2}, {3, 4}}, clean, Share.each(clean));
    TransferMatrix matrix =
        new TransferMatrix(
            new int[] {1, 0},
            new double[][][] {{{8, 6}, {1, 1}}, {{0, 0}, {0, 0}}},
            new double[][][] {{{.5, .25}, {0, 0}}},
            new double[][][][] {{{{7, 6}, {1, 2}}, {{0, 0}, {0, 0}}}, {{{9, 6}, {1, 1}}, {{0, 0}, {0, 0}}}});
    TransferFile file =
        TransferFile.of(
            "org/model",
            List.of("privacy", "violence"),
            42,
            100,
            "reproducible",
            "own",
            Map.of("privacy", gaps.get(0), "violence", gaps.get(1)),
            refusals,
            Map.of(
                "residuals_2",
                new TransferFile.AtPoint(decision, Map.of("effect", matrix), Map.of("effect", behaviour))));
    Path path = folder.resolve("model_transfer.json");
    file.write(path);
    TransferFile read = TransferFile.read(path);
    assertThat(read)
        .usingRecursiveComparison()
        .withComparatorForType(Double::compare, Double.class)
        .isEqualTo(file);
    assertThat(read.gaps().get("privacy").differences()).containsExactly(10, 10);
    assertThat(Json.read(path).at("/version").asInt()).isEqualTo(3);
    assertThat(Json.read(path).at("/hook_points/residuals_2/forms/effect/drops/0/0/1").asDouble()).isEqualTo(6);

    Files.writeString(path, Files.readString(path).replace("\"version\" : 3", "\"version\" : 2"));
    assertThatThrownBy(() -> TransferFile.read(path)).hasMessageContaining("is no refusal-transfer file of version 3");
  }

  @Test
  void oneResampleOfThePartsIsRefused(@TempDir Path folder) {
    double[][][] drops = {{{8, 6}, {1, 1}}, {{0, 0}, {0, 0}}};
    TransferMatrix matrix = new TransferMatrix(new int[] {1, 0}, drops, new double[0][][], new double[][][][] {drops});
    Path path = folder.resolve("model_transfer.json");
    TransferFile.of(
            "org/model", List.of("privacy", "violence"), 42, 100, "reproducible", "own",
            Map.of("privacy", gaps.get(0), "violence", gaps.get(1)), null,
            Map.of("residuals_2", new TransferFile.AtPoint(null, Map.of("effect", matrix), null)))
        .write(path);
    assertThatThrownBy(() -> TransferFile.read(path))
        .isInstanceOfSatisfying(
            UserException.class,
            fault -> {
              assertThat(fault.exitCode()).isEqualTo(ExitCode.BAD_DATA);
              assertThat(fault)
                  .hasMessageStartingWith(path + ": the effect form at residuals_2 has one resample of the parts");
              assertThat(fault.advice()).get().asString().startsWith("run 'refusal evaluate' again");
            });
  }
}
