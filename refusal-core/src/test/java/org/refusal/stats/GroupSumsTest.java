package org.refusal.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.refusal.RandomSeeds;
import org.refusal.base.Seeds;

class GroupSumsTest {
  private static final int GROUPS = 4; // the last stays empty

  @Test
  void byHand() {
    GramMatrix matrix = GramMatrix.of(new double[][] {{9, 1, 2}, {1, 9, 4}, {2, 4, 9}});

    double[][] sums = new GroupSums(matrix).of(new Grouping[] {Grouping.of(new int[] {0, 1, 0}, 2)})[0];

    assertThat(sums[0]).containsExactly(2, 1 + 4);
    assertThat(sums[1]).containsExactly(1 + 4, 0);
  }

  @RandomSeeds
  void areSumsOverPairsOfDistinctItems(long seed) {
    for (int items : new int[] {1, 2, 127, 128, 129, 261}) {
      areSumsOverPairs(items, Seeds.random(seed, "items", Integer.toString(items)));
    }
  }

  private static void areSumsOverPairs(int items, SplittableRandom random) {
    GramMatrix matrix = symmetric(items, random);
    Grouping[] labellings = new Grouping[3];
    for (int b = 0; b < labellings.length; b++) {
      labellings[b] = Grouping.of(random.ints(items, 0, GROUPS - 1).toArray(), GROUPS);
    }

    double[][][] sums = new GroupSums(matrix).of(labellings);
    double[][] within = WithinSums.of(matrix.rows(), labellings);

    for (int b = 0; b < labellings.length; b++) {
      double[][] expected = naive(matrix, labellings[b].labels());
      for (int i = 0; i < GROUPS; i++) {
        assertThat(within[b][i]).isCloseTo(expected[i][i], within(1e-10));
        for (int j = 0; j < GROUPS; j++) {
          assertThat(sums[b][i][j]).isCloseTo(expected[i][j], within(1e-10));
        }
      }
    }
  }

  private static double[][] naive(GramMatrix matrix, int[] labels) {
    double[][] sums = new double[GROUPS][GROUPS];
    for (int p = 0; p < labels.length; p++) {
      for (int q = p + 1; q < labels.length; q++) {
        sums[labels[p]][labels[q]] += matrix.at(p, q);
        if (labels[p] != labels[q]) {
          sums[labels[q]][labels[p]] += matrix.at(p, q);
        }
      }
    }
    return sums;
  }

  private static GramMatrix symmetric(int items, SplittableRandom random) {
    double[][] values = new double[items][items];
    for (int i = 0; i < items; i++) {
      for (int j = 0; j <= i; j++) {
        values[i][j] = random.nextDouble() - .5;
        values[j][i] = values[i][j];
      }
    }
    return GramMatrix.of(values);
  }
}
