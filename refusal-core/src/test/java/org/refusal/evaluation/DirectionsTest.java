package org.refusal.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.refusal.stats.Vectors;

class DirectionsTest {

  @Test
  void drivingLatentsAreTheMostNegativeUntilTheShare() {
    double[] promptSide = {-1, 5, -6, 0, -3};
    DrivingLatents driving = DrivingLatents.of(promptSide, .9, 512);
    assertThat(driving.latents()).containsExactly(2, 4);
    assertThat(driving.effects()).containsExactly(-6, -3);
    assertThat(driving.share()).isCloseTo(.9, within(1e-12));
    assertThat(DrivingLatents.of(promptSide, .95, 512).latents()).containsExactly(2, 4, 0);
    assertThat(DrivingLatents.of(promptSide, .95, 1).latents()).containsExactly(2);
    assertThat(DrivingLatents.of(new double[] {1, 0}, .95, 5).latents()).isEmpty();
  }

  @Test
  void spanKeepsTheEnergyAndForgetsTheScaleOfRows() {
    double[][] rows = {{5, 0, 0}, {0, 2, 0}, {0, 0, 9}};
    double[] weights = {-3, -1, -.1}; // energies 9, 1, .01
    assertThat(Directions.span(rows, weights, .85, 16)).hasNumberOfRows(1);
    double[][] two = Directions.span(rows, weights, .95, 16);
    assertThat(two).hasNumberOfRows(2);
    assertThat(Math.abs(two[0][0])).isCloseTo(1, within(1e-9));
    assertThat(Math.abs(two[1][1])).isCloseTo(1, within(1e-9));
    assertThat(Directions.span(rows, weights, 1, 2)).hasNumberOfRows(2);
  }

  @Test
  void spanOfParallelRowsIsOneDimension() {
    double[][] rows = {{1, 1}, {2, 2}, {-3, -3}};
    assertThat(Directions.span(rows, new double[] {-1, -2, -1}, 1, 16)).hasNumberOfRows(1);
  }

  @Test
  void randomSpansAreOrthonormal() {
    double[][] basis = Directions.random(20, 6, new SplittableRandom(3));
    for (int i = 0; i < 6; i++) {
      for (int j = 0; j < 6; j++) {
        assertThat(Vectors.dot(basis[i], basis[j])).isCloseTo(i == j ? 1 : 0, within(1e-12));
      }
    }
  }

  @Test
  void randomLatentsAreOthersOfLikeActivity() {
    double[] activity = new double[100];
    Arrays.setAll(activity, i -> i);
    int[] drawn = Directions.randomLatents(new int[] {50, 51, 90}, activity, new SplittableRandom(3));
    assertThat(drawn).hasSize(3).doesNotHaveDuplicates().doesNotContain(50, 51, 90);
    assertThat(Math.abs(drawn[0] - 50)).isLessThanOrEqualTo(6);
    assertThat(Math.abs(drawn[2] - 90)).isLessThanOrEqualTo(6);
  }

  @Test
  void aZeroVectorHasNoDirection() {
    assertThat(Directions.meanUnit(new double[][] {{1, -1}, {-1, 1}})).isEmpty();
    assertThat(Directions.meanUnit(new double[][] {{3, 0}, {3, 8}})[0]).containsExactly(new double[] {.6, .8}, within(1e-12));
  }
}
