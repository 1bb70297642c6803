package org.refusal.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.refusal.base.Seeds;
import org.refusal.io.Json;

/** D, t and their intervals from raw drops: sums by hand, then simulated drops. */
class TransferStatisticsTest {
  private static final TransferStatistics.Bars BARS = new TransferStatistics.Bars(.1, .65, "refusal gap");
  private static final double[][][] NONE = {};

  private static TransferStatistics of(double[][][] drops, double[][] gap) {
    return of(new TransferDrops(drops, NONE, new double[0][][][]), gap);
  }

  private static TransferStatistics of(TransferDrops drops, double[][] gap) {
    return TransferStatistics.of(drops, gap, BARS, new Resampling(400, 1, 1));
  }

  @Test
  void byHand() {
    // own drops .8 and .4 of gaps 10 and 5; i = 0 takes .2 of j = 1, i = 1 takes .1 of j = 0
    TransferStatistics two = of(new double[][][] {{{8, 8}, {1, 1}}, {{1, 1}, {2, 2}}}, new double[][] {{10, 10}, {5, 5}});
    assertThat(two.drop()).isDeepEqualTo(new double[][] {{.8, .2}, {.1, .4}});
    assertThat(two.ownDrop().value()).isCloseTo(.6, within(1e-15));
    assertThat(two.distinctness().value()).isCloseTo(1 - .15 / .6, within(1e-15));
    assertThat(two.pairs()).hasSize(1);
    assertThat(two.pairs().get(0).transfer()).as("(.2 + .1) / (.8 + .4)").isCloseTo(.25, within(1e-15));
    assertThat(two.clusters()).containsExactly(List.of(0), List.of(1));
    assertThat(two.between().value()).isCloseTo(.25, within(1e-15));
    assertThat(two.within().value()).isNaN();
    assertThat(two.controlDrop().value()).isNaN();
    assertThat(two.weak()).isNull();
    assertThat(two.usable()).isTrue();
  }

  @Test
  void ofThreeCategoriesTwoMakeACluster() {
    // every own drop is 1; 0 and 1 take .9 and .7 of each other, .1 and .3 of 2, which takes .2 and .4 of them
    double[][] share = {{1, .9, .1}, {.7, 1, .3}, {.2, .4, 1}};
    TransferStatistics three = of(drops(share, new int[] {2, 2, 2}, 4), gaps(new int[] {2, 2, 2}, 4));
    assertThat(three.distinctness().value()).isCloseTo(1 - (.9 + .1 + .7 + .3 + .2 + .4) / 6, within(1e-15));
    assertThat(three.pairs().stream().map(TransferStatistics.Pair::transfer))
        .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-15 ? 0 : 1)
        .containsExactly(.8, .15, .35);
    assertThat(three.clusters()).containsExactly(List.of(0, 1), List.of(2));
    assertThat(three.within().value()).isCloseTo(.8, within(1e-15));
    assertThat(three.between().value()).as("mean of .1 .3 .2 .4").isCloseTo(.25, within(1e-15));
    assertThat(three.support()).containsExactly(1, 1);
    assertThat(three.leastSupport()).isEqualTo(1);
  }

  /** Raw drops of prompts with equal gaps. */
  private static double[][][] drops(double[][] share, int[] prompts, double gap) {
    return Arrays.stream(share)
        .map(row -> {
          double[][] of = new double[row.length][];
          for (int j = 0; j < row.length; j++) {
            of[j] = new double[prompts[j]];
            Arrays.fill(of[j], gap * row[j]);
          }
          return of;
        })
        .toArray(double[][][]::new);
  }

  private static double[][] gaps(int[] prompts, double gap) {
    return Arrays.stream(prompts)
        .mapToObj(n -> {
          double[] of = new double[n];
          Arrays.fill(of, gap);
          return of;
        })
        .toArray(double[][]::new);
  }

  @Test
  void meansAreOfSumsNotOfRatios() {
    // gaps 2 and 6, drops 2 and 3: 5 / 8, not the mean of 1 and .5
    TransferStatistics one = of(new double[][][] {{{2, 3}}}, new double[][] {{2, 6}});
    assertThat(one.drop()[0][0]).isEqualTo(5. / 8);
    assertThat(one.distinctness().value()).as("one category").isNaN();
    assertThat(one.pairs()).isEmpty();
  }

  @Test
  void whatIsWeakIsSaid() {
    double[][] gap = gaps(new int[] {4, 4}, 10);
    double[][] small = {{.05, .01}, {.01, .05}};
    assertThat(of(drops(small, new int[] {4, 4}, 10), gap).weak())
        .isEqualTo("the own drop of 0.05 is below 0.10 of the refusal gap");
    double[][][] own = drops(new double[][] {{.4, .1}, {.1, .4}}, new int[] {4, 4}, 10);
    double[][][] controls = {{{4, 4, 4, 4}, {4, 4, 4, 4}}};
    TransferStatistics reached = of(new TransferDrops(own, controls, new double[0][][][]), gap);
    assertThat(reached.weak())
        .isEqualTo("the interval of the own drop, 0.40 to 0.40, meets that of random parts of equal size, 0.40 to 0.40");
    assertThat(reached.usable()).isFalse();
    TransferStatistics without = of(own, new double[][] {{10, 10, 10, 10}, {-1, -1, -1, -1}});
    assertThat(without.weak()).isEqualTo("the own drop is undefined");
    assertThat(without.distinctness().interval().isDefined()).isFalse();
    double[][][] missing = drops(new double[][] {{.4, .1}, {.1, .4}}, new int[] {4, 4}, 10);
    Arrays.fill(missing[0][1], Double.NaN);
    assertThat(of(missing, gap).usable()).as("NaN drops").isFalse();
  }

  @Test
  void aNegativeOwnDropOfOneCategoryLeavesItsPairsUndefined() {
    double[][] share = {{-.5, 0, 0}, {0, .4, .4}, {0, .4, .4}};
    TransferStatistics found = of(drops(share, new int[] {3, 3, 3}, 5), gaps(new int[] {3, 3, 3}, 5));
    assertThat(found.pairs().get(0).transfer()).isNaN();
    assertThat(found.pairs().get(0).interval95().isDefined()).isFalse();
    assertThat(found.pairs().get(2).transfer()).isCloseTo(1, within(1e-12));
  }

  @Test
  void resampledPartsWidenTheIntervalsAndTakeOffTheirBias() {
    double[][] gap = gaps(new int[] {10, 10}, 10);
    double[][][] drops = drops(new double[][] {{.8, .4}, {.4, .8}}, new int[] {10, 10}, 10);
    TransferStatistics fixed = of(drops, gap);
    assertThat(fixed.distinctness().interval().high() - fixed.distinctness().interval().low())
        .as("all prompts alike").isLessThan(1e-12);

    // eight resamples, half with transfer .3, half with .5: no bias, standard deviation .1 of .8 with 7 degrees of freedom
    double[][][][] around = resamples(.3, .5);
    TransferStatistics moved = of(new TransferDrops(drops, NONE, around), gap);
    assertThat(moved.distinctness().value()).isCloseTo(.5, within(1e-12));
    double half = 2.365 * Math.sqrt(1.125) * Math.sqrt(8. / 7) * .1 / .8;
    assertThat(moved.distinctness().interval().low()).isCloseTo(.5 - half, within(.12));
    assertThat(moved.distinctness().interval().high()).isCloseTo(.5 + half, within(.12));
    assertThat(moved.pairs().get(0).interval95().contains(.5)).isTrue();

    // resampled parts transfer .1 more: what was measured is itself too much by as much
    TransferStatistics biased = of(new TransferDrops(drops, NONE, resamples(.5, .5)), gap);
    assertThat(biased.distinctness().value()).as("as measured").isCloseTo(.5, within(1e-12));
    assertThat(biased.distinctness().interval().low()).as("1 - .3 / .8").isCloseTo(.625, within(1e-9));
    assertThat(biased.distinctness().interval().high()).isCloseTo(.625, within(1e-9));
  }

  private static double[][][][] resamples(double even, double odd) {
    double[][][][] resamples = new double[8][][][];
    Arrays.setAll(
        resamples,
        b -> {
          double transfer = b % 2 == 0 ? even : odd;
          return drops(new double[][] {{.8, transfer}, {transfer, .8}}, new int[] {10, 10}, 10);
        });
    return resamples;
  }

  @Test
  void partsThatMoveTogetherKeepTheirPairs() {
    // every part falls to half in every other resample: transfer relative to own stays as it is
    double[][] gap = gaps(new int[] {10, 10}, 10);
    double[][][] drops = drops(new double[][] {{.8, .8}, {.8, .8}}, new int[] {10, 10}, 10);
    double[][][] half = drops(new double[][] {{.4, .4}, {.4, .4}}, new int[] {10, 10}, 10);
    TransferStatistics found =
        of(new TransferDrops(drops, NONE, new double[][][][] {drops, half, drops, half, drops, half, drops, drops}), gap);
    assertThat(found.ownDrop().interval().high() - found.ownDrop().interval().low()).isGreaterThan(.2);
    assertThat(found.distinctness().interval().low()).isCloseTo(0, within(1e-9));
    assertThat(found.distinctness().interval().high()).isCloseTo(0, within(1e-9));
  }

  @Test
  void oneResampleSaysNothingOfScatter() {
    double[][][] drops = drops(new double[][] {{.8, .4}, {.4, .8}}, new int[] {2, 2}, 10);
    assertThatThrownBy(() -> new TransferDrops(drops, NONE, new double[][][][] {drops}))
        .hasMessageContaining("none or at least two");
  }

  @Test
  void theSameForAnyNumberOfThreads() {
    var random = Seeds.random(7, "drops");
    double[][] gap = new double[3][9];
    double[][][] drops = new double[3][3][9];
    for (int j = 0; j < 3; j++) {
      for (int p = 0; p < 9; p++) {
        gap[j][p] = 5 + random.nextDouble();
        for (int i = 0; i < 3; i++) {
          drops[i][j][p] = gap[j][p] * random.nextDouble();
        }
      }
    }
    TransferDrops raw = new TransferDrops(drops, NONE, new double[][][][] {drops, drops});
    TransferStatistics one = TransferStatistics.of(raw, gap, BARS, new Resampling(200, 3, 1));
    TransferStatistics two = TransferStatistics.of(raw, gap, BARS, new Resampling(200, 3, 2));
    assertThat(Json.toText(two)).isEqualTo(Json.toText(one));
  }

  @Test
  void someCategoriesOnly() {
    double[][] share = {{1, .9, .1}, {.7, 1, .3}, {.2, .4, 1}};
    TransferDrops whole = new TransferDrops(drops(share, new int[] {1, 2, 3}, 1), NONE, new double[0][][][]);
    TransferDrops two = whole.of(new int[] {0, 2});
    assertThat(two.drops()[0]).isDeepEqualTo(new double[][] {{1}, {.1, .1, .1}});
    assertThat(two.drops()[1]).isDeepEqualTo(new double[][] {{.2}, {1, 1, 1}});
  }
}
