package org.refusal.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.refusal.base.Seeds;

class ReadDirectionsTest {
  private static final double[][] DIFFERENCES = {{3, 4, 9}, {3, 4, -2}, {0, 5, 1}, {7, 7, 7}};
  private static final int[] CATEGORIES = {0, 0, 1, -1};
  private static final double[][] PLANE = {{1, 0}, {0, 1}};
  private static final double[][] BASIS = {{1, 0, 0}, {0, 1, 0}};

  @Test
  void meansOfWhatIsReadHaveLengthOne() {
    double[][] directions = ReadDirections.of(DIFFERENCES, CATEGORIES, 3, new double[] {1, 1, 1, 1}, BASIS);
    assertThat(directions[0]).containsExactly(new double[] {.6, .8, 0}, within(1e-15));
    assertThat(directions[1]).containsExactly(new double[] {0, 1, 0}, within(1e-15));
    assertThat(directions[2]).as("a category without prompts").containsExactly(0, 0, 0);
  }

  @Test
  void weightsCountPrompts() {
    double[][] twice = ReadDirections.of(new double[][] {{1, 0}, {0, 1}}, new int[] {0, 0}, 1, new double[] {3, 4}, PLANE);
    assertThat(twice[0]).containsExactly(new double[] {.6, .8}, within(1e-15));
  }

  

  @Test
  void everyCategoryIsDrawnAsOftenAsItHasPrompts() {
    for (int seed = 0; seed < 20; seed++) {
      double[] counts = ReadDirections.resample(new int[] {0, 1, 0, 1, 1, -1}, 2, Seeds.random(seed, "counts"));
      assertThat(counts[0] + counts[2]).isEqualTo(2);
      assertThat(counts[1] + counts[3] + counts[4]).isEqualTo(3);
      assertThat(counts[5]).isZero();
      assertThat(Arrays.stream(counts)).allMatch(count -> count == Math.rint(count));
    }
  }
}
