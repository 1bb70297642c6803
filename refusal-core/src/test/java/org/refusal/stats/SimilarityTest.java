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

class SimilarityTest {
  private static final Resampling DRAWS = new Resampling(200, 7, 2);

  @Test
  void handComputedReliabilityAndSimilarity() {
    // category 0: (1,0), (3,0); category 1: (1,1), (1,-1), (4,0)
    double[][] rows = {{1, 0}, {3, 0}, {1, 1}, {1, -1}, {4, 0}};
    int[] labels = {0, 0, 1, 1, 1};
    GramMatrix gram = GramMatrix.ofDense(rows, 1);
    Reliability reliability = Reliability.of(gram, labels, 2, DRAWS.draws(3));
    assertThat(reliability.withinProduct()).containsExactly(3, (0 + 4 + 4) / 3.0);
    assertThat(reliability.squaredNorm()).containsExactly(4, 4);
    assertThat(reliability.reliability()[0]).isEqualTo(0.75);
    assertThat(reliability.reliability()[1]).isCloseTo(2 / 3.0, within(1e-15));
    assertThat(reliability.splitHalf()).containsExactly(Double.NaN, Double.NaN);
    DisattenuatedSimilarity similarity = DisattenuatedSimilarity.of(gram, labels, 2, DRAWS);
    assertThat(similarity.similarity()[0][1]).isCloseTo(4 / Math.sqrt(3 * 8 / 3.0), within(1e-15));
    assertThat(similarity.mean()).isEqualTo(similarity.similarity()[0][1]);
  }

  @Test
  void leavingAPromptOutEqualsComputingWithoutIt() {
    double[][] rows = random(12, 5, 3);
    int[] labels = {0, 1, 0, 1, 2, 0, 1, 2, 2, 0, 1, 2};
    DisattenuatedSimilarity all = DisattenuatedSimilarity.of(GramMatrix.ofDense(rows, 1), labels, 3, DRAWS.draws(1));
    int place = 0;
    for (int category = 0; category < 3; category++) {
      for (int item = 0; item < 12; item++) {
        if (labels[item] != category) {
          continue;
        }
        int left = item;
        double[][] rest = IntStream.range(0, 12).filter(i -> i != left).mapToObj(i -> rows[i])
            .toArray(double[][]::new);
        int[] restLabels = IntStream.range(0, 12).filter(i -> i != left).map(i -> labels[i]).toArray();
        double[][] expected =
            DisattenuatedSimilarity.of(GramMatrix.ofDense(rest, 1), restLabels, 3, DRAWS.draws(1)).similarity();
        for (int i = 0; i < 3; i++) {
          for (int j = 0; j < 3; j++) {
            assertThat(all.withoutPrompt()[place][i][j]).isCloseTo(expected[i][j], within(1e-12));
          }
        }
        assertThat(all.promptCategory()[place]).isEqualTo(category);
        place++;
      }
    }
  }

  @Test
  void threadsChangeNothing() {
    double[][] rows = random(40, 9, 11);
    int[] labels = new int[40];
    Arrays.setAll(labels, i -> i % 4);
    GramMatrix one = GramMatrix.ofDense(rows, 1);
    GramMatrix many = GramMatrix.ofDense(rows, 3);
    assertThat(many.array()).containsExactly(one.array());
    Resampling serial = new Resampling(150, 5, 1); // several batches and a rest
    Resampling parallel = new Resampling(150, 5, 3);
    assertThat(SeparationTest.pairs(many, labels, 4, null, parallel).nullValues())
        .containsExactly(SeparationTest.pairs(one, labels, 4, null, serial).nullValues());
    assertThat(SeparationTest.splitHalf(many, labels, 4, null, parallel).nullValues())
        .containsExactly(SeparationTest.splitHalf(one, labels, 4, null, serial).nullValues());
    assertThat(DisattenuatedSimilarity.of(many, labels, 4, parallel).draws())
        .isDeepEqualTo(DisattenuatedSimilarity.of(one, labels, 4, serial).draws());
    assertThat(Permanova.test(many.cosineDistances(), labels, null, parallel).nullValues())
        .containsExactly(Permanova.test(one.cosineDistances(), labels, null, serial).nullValues());
    assertThat(PairwiseSeparation.of(many, labels, 4, null, parallel).singleStep())
        .containsExactly(PairwiseSeparation.of(one, labels, 4, null, serial).singleStep());
  }

  @Test
  void aBatchOfBootstrapResamplesIsTheSameAsOne() {
    GramMatrix gram = GramMatrix.ofDense(random(21, 6, 4), 1);
    int[] labels = IntStream.range(0, 21).map(i -> i % 3).toArray();
    double[][][] all = DisattenuatedSimilarity.of(gram, labels, 3, new Resampling(67, 9, 1)).draws();
    assertThat(Arrays.copyOf(all, 3))
        .isDeepEqualTo(DisattenuatedSimilarity.of(gram, labels, 3, new Resampling(3, 9, 1)).draws());
  }

  @RandomSeeds(3)
  void sparseAndDenseRowsGiveTheSameProducts(long seed) {
    SplittableRandom random = Seeds.random(seed, "sparse");
    int n = 15;
    int width = 30;
    double[][] dense = new double[n][width];
    int[] starts = new int[n + 1];
    int[] columns = new int[n * width];
    float[] values = new float[n * width];
    int at = 0;
    for (int i = 0; i < n; i++) {
      for (int column = 0; column < width; column++) {
        if (random.nextInt(4) == 0) {
          values[at] = (float) random.nextDouble();
          columns[at] = column;
          dense[i][column] = values[at++];
        }
      }
      starts[i + 1] = at;
    }
    SparseRows rows = new SparseRows(width, starts, Arrays.copyOf(columns, at), Arrays.copyOf(values, at));
    GramMatrix sparse = GramMatrix.ofSparse(rows, 2);
    GramMatrix full = GramMatrix.ofDense(dense, 2);
    for (int i = 0; i < n * n; i++) {
      assertThat(sparse.array()[i]).isCloseTo(full.array()[i], within(1e-12));
    }
  }

  @Test
  void separationOfTwoTightGroupsIsExtreme() {
    double[][] rows = new double[20][];
    int[] labels = new int[20];
    for (int i = 0; i < 20; i++) {
      labels[i] = i % 2;
      rows[i] = i % 2 == 0 ? new double[] {1, 0} : new double[] {0, 1};
    }
    GramMatrix gram = GramMatrix.ofDense(rows, 1);
    SeparationTest pairs = SeparationTest.pairs(gram, labels, 2, null, DRAWS);
    assertThat(pairs.t()).isEqualTo(1);
    assertThat(pairs.p()).isEqualTo(1 / 201.0);
    assertThat(SeparationTest.splitHalf(gram, labels, 2, null, DRAWS).t()).isCloseTo(1, within(1e-12));
    int[] strata = labels; // every label fixed by its stratum: all permutations tie with the observed labels
    assertThat(SeparationTest.pairs(gram, labels, 2, strata, DRAWS).p()).isEqualTo(1);
  }

  @Test
  void undefinedWhereNothingIsShared() {
    double[][] opposed = {{1}, {-1}, {1}, {1}};
    DisattenuatedSimilarity found =
        DisattenuatedSimilarity.of(GramMatrix.ofDense(opposed, 1), new int[] {0, 0, 1, 1}, 2, DRAWS);
    assertThat(found.similarity()[0][1]).isNaN();
    assertThat(found.mean()).isNaN();
    assertThat(found.interval(0, 1, 0.95).isDefined()).isFalse();
    assertThat(found.interval(0, 1, 0.95).above(-2)).isFalse();
  }

  @Test
  void identicalConstantVectorsAreExactlyAlike() {
    double[][] rows = new double[12][];
    Arrays.fill(rows, new double[] {2, 0});
    int[] labels = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
    DisattenuatedSimilarity found = DisattenuatedSimilarity.of(GramMatrix.ofDense(rows, 1), labels, 2, DRAWS);
    assertThat(found.similarity()[0][1]).isEqualTo(1);
    assertThat(found.interval(0, 1, 0.95).low()).isCloseTo(1, within(1e-12));
    assertThat(found.interval(0, 1, 0.95).high()).isCloseTo(1, within(1e-12));
  }

  @Test
  void intervalsNeedThreePromptsOfEach() {
    double[][] rows = random(8, 4, 2);
    int[] labels = {0, 0, 1, 1, 1, 2, 2, 2};
    DisattenuatedSimilarity found = DisattenuatedSimilarity.of(GramMatrix.ofDense(rows, 1), labels, 3, DRAWS);
    assertThat(found.interval(0, 1, 0.95).isDefined()).isFalse();
    assertThat(found.meanInterval(0.95).isDefined()).isFalse();
    assertThat(found.interval(1, 2, 0.95).contains(found.similarity()[1][2])).isTrue();
    assertThat(found.interval(2, 1, 0.95)).isEqualTo(found.interval(1, 2, 0.95));
  }

  @Test
  void averageLinkageMergesCutsAndOrders() {
    double[][] similarity = {
      {1, .1, .9, .2},
      {.1, 1, .3, .8},
      {.9, .3, 1, .2},
      {.2, .8, .2, 1}
    };
    AverageLinkage tree = AverageLinkage.of(similarity);
    assertThat(tree.merges().get(0)).isEqualTo(new AverageLinkage.Merge(0, 2, .9, 2));
    assertThat(tree.merges().get(1)).isEqualTo(new AverageLinkage.Merge(1, 3, .8, 2));
    assertThat(tree.merges().get(2).similarity()).isCloseTo((.1 + .2 + .3 + .2) / 4, within(1e-15));
    assertThat(tree.order()).containsExactly(0, 2, 1, 3);
    assertThat(tree.cut(.65)).isEqualTo(List.of(List.of(0, 2), List.of(1, 3)));
    assertThat(tree.cut(.85)).isEqualTo(List.of(List.of(0, 2), List.of(1), List.of(3)));
    assertThat(tree.cut(.0)).isEqualTo(List.of(List.of(0, 1, 2, 3)));
    double[][] other = {{1, 1, 0, 0}, {1, 1, 0, 0}, {0, 0, 1, 1}, {0, 0, 1, 1}};
    assertThat(AverageLinkage.support(tree.cut(.65), new double[][][] {similarity, similarity, similarity, other}, .65))
        .containsExactly(.75, .75);
  }

  private static double[][] random(int n, int d, long seed) {
    SplittableRandom random = Seeds.random(seed, "rows");
    double[][] rows = new double[n][d];
    for (double[] row : rows) {
      for (int column = 0; column < d; column++) {
        row[column] = 0.7 + random.nextDouble() - 0.5;
      }
    }
    return rows;
  }
}
