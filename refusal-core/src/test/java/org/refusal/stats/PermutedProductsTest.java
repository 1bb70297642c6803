package org.refusal.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.refusal.RandomSeeds;
import org.refusal.base.Seeds;

class PermutedProductsTest {
  private static final int ITEMS = 71; // two tiles and a rest

  @RandomSeeds
  void areSumsOverPairs(long seed) {
    for (int count : new int[] {1, 7, 8, 9}) {
      areSumsOverPairs(count, Seeds.random(seed, "orders", Integer.toString(count)));
    }
  }

  private static void areSumsOverPairs(int count, SplittableRandom random) {
    List<double[][]> matrices = List.of(symmetric(random), symmetric(random));
    double[][] other = symmetric(random);
    int[][] orders = new int[count][];
    Arrays.setAll(orders, b -> Seeds.permutation(ITEMS, random));

    double[][] sums = new PermutedProducts(matrices, other).of(orders);

    for (int m = 0; m < matrices.size(); m++) {
      for (int b = 0; b < count; b++) {
        double expected = 0;
        for (int i = 0; i < ITEMS; i++) {
          for (int j = i + 1; j < ITEMS; j++) {
            expected += matrices.get(m)[i][j] * other[orders[b][i]][orders[b][j]];
          }
        }
        assertThat(sums[m][b]).isCloseTo(expected, within(1e-10));
      }
    }
  }

  private static double[][] symmetric(SplittableRandom random) {
    double[][] values = new double[ITEMS][ITEMS];
    for (int i = 0; i < ITEMS; i++) {
      for (int j = 0; j <= i; j++) {
        values[i][j] = random.nextDouble() - .5;
        values[j][i] = values[i][j];
      }
    }
    return values;
  }
}
