package org.refusal.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What docs/statistics.md says of degenerate inputs. */
class DegenerateInputsTest {
  private static final Resampling DRAWS = new Resampling(49, 3, 2);
  private static final int EACH = 6;

  private static int[] labels(int categories) {
    int[] labels = new int[categories * EACH];
    Arrays.setAll(labels, i -> i / EACH);
    return labels;
  }

  private static GramMatrix all(int categories, double... vector) {
    double[][] rows = new double[categories * EACH][];
    Arrays.fill(rows, vector);
    return GramMatrix.ofDense(rows, 1);
  }

  @Test
  void oneCategoryHasNoPairsToCompare() {
    GramMatrix gram = all(1, 1, 2);
    DisattenuatedSimilarity similarity = DisattenuatedSimilarity.of(gram, labels(1), 1, DRAWS);
    assertThat(similarity.mean()).isNaN();
    assertThat(similarity.meanInterval(0.95).isDefined()).isFalse();
    assertThat(SeparationTest.pairs(gram, labels(1), 1, null, DRAWS).p()).isNaN();
    assertThat(Permanova.test(gram.cosineDistances(), labels(1), null, DRAWS).p()).isNaN();
    assertThat(Permdisp.test(gram.cosineDistances(), labels(1), DRAWS).p()).isNaN();
    assertThat(PairwiseSeparation.of(gram, labels(1), 1, null, DRAWS).p()).isEmpty();
    assertThat(AverageLinkage.of(similarity.similarity()).cut(0.65)).containsExactly(List.of(0));
  }

  @Test
  void constantVectorsAreOneCauseWithIntervalsOfNoWidth() {
    GramMatrix gram = all(2, 1, 2);
    DisattenuatedSimilarity similarity = DisattenuatedSimilarity.of(gram, labels(2), 2, DRAWS);
    assertThat(similarity.similarity()[0][1]).isCloseTo(1, within(1e-12));
    Interval interval = similarity.interval(0, 1, 0.95);
    assertThat(interval.low()).isCloseTo(1, within(1e-6));
    assertThat(interval.high()).isCloseTo(1, within(1e-6));
    assertThat(Reliability.of(gram, labels(2), 2, DRAWS).reliability()).containsExactly(new double[] {1, 1}, within(1e-12));
    SeparationTest separation = SeparationTest.pairs(gram, labels(2), 2, null, DRAWS);
    assertThat(separation.t()).isCloseTo(0, within(1e-12));
    assertThat(separation.p()).isEqualTo(1);
    assertThat(Permanova.test(gram.cosineDistances(), labels(2), null, DRAWS).pseudoF()).isNaN();
    assertThat(Permdisp.test(gram.cosineDistances(), labels(2), DRAWS).f()).isNaN();
    double[][] distances = gram.cosineDistances();
    assertThat(Mantel.simple(distances, distances, DRAWS).r()).as("nothing varies").isNaN();
  }

  @Test
  void zeroVectorsHaveNoSimilarity() {
    GramMatrix gram = all(2, 0, 0);
    DisattenuatedSimilarity similarity = DisattenuatedSimilarity.of(gram, labels(2), 2, DRAWS);
    assertThat(similarity.similarity()[0][1]).isNaN();
    assertThat(similarity.interval(0, 1, 0.95).isDefined()).isFalse();
    assertThat(Reliability.of(gram, labels(2), 2, DRAWS).reliability()).containsOnly(Double.NaN);
    assertThat(SeparationTest.pairs(gram, labels(2), 2, null, DRAWS).t()).isZero();
  }

  @Test
  void aNumberThatIsNoneSpreadsInsteadOfVanishing() {
    GramMatrix gram = all(2, Double.NaN, 1);
    assertThat(gram.isFinite()).isFalse();
    DisattenuatedSimilarity similarity = DisattenuatedSimilarity.of(gram, labels(2), 2, DRAWS);
    assertThat(similarity.mean()).isNaN();
    assertThat(similarity.interval(0, 1, 0.95).isDefined()).isFalse();
    assertThat(SeparationTest.pairs(gram, labels(2), 2, null, DRAWS).p()).isNaN();
    assertThat(Permanova.test(gram.cosineDistances(), labels(2), null, DRAWS).p()).isNaN();
    assertThat(Bootstrap.percentile(new double[] {1, Double.NaN}, 0.95).isDefined()).isFalse();
    assertThat(Auc.of(new double[] {Double.NaN}, new double[] {1}).value()).isNaN();
  }

  @Test
  void categoriesOfOnePromptHaveNoWithinPart() {
    int[] labels = {0, 0, 0, 0, 1};
    double[][] rows = {{1, 0}, {1, 0.1}, {1, 0.2}, {0.9, 0}, {0, 1}};
    GramMatrix gram = GramMatrix.ofDense(rows, 1);
    assertThat(Reliability.of(gram, labels, 2, DRAWS).reliability()[1]).isNaN();
    assertThat(DisattenuatedSimilarity.of(gram, labels, 2, DRAWS).interval(0, 1, 0.95).isDefined()).isFalse();
    assertThat(PairwiseSeparation.of(gram, labels, 2, null, DRAWS).p()).containsExactly(Double.NaN);
  }
}
