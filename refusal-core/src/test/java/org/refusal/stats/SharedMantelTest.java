package org.refusal.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.refusal.RandomSeeds;
import org.refusal.base.Seeds;

class SharedMantelTest {
  private static final int ITEMS = 23;
  private static final int DRAWS = 37; // more than a batch, and no multiple of it

  private static double[][] distances(long seed, String name) {
    SplittableRandom random = Seeds.random(seed, "distances", name);
    double[][] distances = new double[ITEMS][ITEMS];
    for (int i = 0; i < ITEMS; i++) {
      for (int j = 0; j < i; j++) {
        distances[i][j] = random.nextDouble();
        distances[j][i] = distances[i][j];
      }
    }
    return distances;
  }

  @RandomSeeds(3)
  void isMantelsTestWithTheSamePermutations(long seed) {
    int[] groups = IntStream.range(0, ITEMS).map(i -> i % 5 % 3).toArray();
    List<double[][]> x = List.of(distances(seed, "x 0"), distances(seed, "x 1"));
    double[][] y = distances(seed, "y");
    double[][] different = new double[ITEMS][ITEMS];
    for (int i = 0; i < ITEMS; i++) {
      for (int j = 0; j < ITEMS; j++) {
        different[i][j] = groups[i] == groups[j] ? 0 : 1;
      }
    }
    Resampling resampling = new Resampling(DRAWS, seed, 2);
    int[][] inverse = new int[DRAWS][ITEMS]; // Mantel permutes x, the shared test the other side
    for (int draw = 0; draw < DRAWS; draw++) {
      int[] order = Permutations.within(ITEMS, null, resampling.stream(draw));
      for (int i = 0; i < ITEMS; i++) {
        inverse[draw][order[i]] = i;
      }
    }

    List<SharedMantel> tests = SharedMantel.test(x, y, groups, 3, resampling);

    for (int m = 0; m < x.size(); m++) {
      Mantel simple = Mantel.simple(x.get(m), y, inverse, 1);
      Mantel partial = Mantel.partial(x.get(m), y, different, inverse, 1);
      assertThat(tests.get(m).r()).isCloseTo(simple.r(), within(1e-12));
      assertThat(tests.get(m).p()).isEqualTo(simple.p());
      assertThat(tests.get(m).partialR()).isCloseTo(partial.r(), within(1e-12));
      assertThat(tests.get(m).partialP()).isEqualTo(partial.p());
    }
    assertThat(SharedMantel.test(x, y, groups, 3, new Resampling(DRAWS, seed, 1))).isEqualTo(tests);
    for (int m = 0; m < x.size(); m++) {
      assertThat(SharedMantel.test(List.<double[][]>of(x.get(m)), y, groups, 3, resampling)).as("alone").containsExactly(tests.get(m));
    }
  }

  @Test
  void isUndefinedWithoutVariance() {
    double[][] flat = new double[ITEMS][ITEMS];
    int[] one = new int[ITEMS];

    SharedMantel test = SharedMantel.test(List.<double[][]>of(flat), distances(4, "y"), one, 1, new Resampling(5, 1, 1)).get(0);

    assertThat(test.r()).isNaN();
    assertThat(test.p()).isNaN();
    assertThat(test.partialR()).isNaN();
  }

  @RandomSeeds(3)
  void pairwiseSeparationIsWithinLessBetween(long seed) {
    SplittableRandom random = Seeds.random(seed, "vectors");
    double[][] rows = new double[9][4];
    for (double[] row : rows) {
      Arrays.setAll(row, i -> random.nextDouble() - .3);
    }
    int[] labels = {0, 1, 2, 0, 1, 2, 0, 1, 0};
    GramMatrix gram = GramMatrix.ofDense(rows, 1);
    GramMatrix cosines = gram.cosines();

    PairwiseSeparation test = PairwiseSeparation.of(gram, labels, 3, null, new Resampling(40, seed, 2));

    int at = 0;
    for (int i = 0; i < 3; i++) {
      for (int j = i + 1; j < 3; j++) {
        double expected = (mean(cosines, labels, i, i) + mean(cosines, labels, j, j)) / 2 - mean(cosines, labels, i, j);
        assertThat(test.t()[at++]).isCloseTo(expected, within(1e-12));
      }
    }
    assertThat(test.p()).isEqualTo(PairwiseSeparation.of(gram, labels, 3, null, new Resampling(40, seed, 1)).p());
  }

  private static double mean(GramMatrix cosines, int[] labels, int i, int j) {
    double sum = 0;
    int pairs = 0;
    for (int p = 0; p < labels.length; p++) {
      for (int q = 0; q < labels.length; q++) {
        if (p != q && labels[p] == i && labels[q] == j) {
          sum += cosines.at(p, q);
          pairs++;
        }
      }
    }
    return sum / pairs;
  }
}
