package org.refusal.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.refusal.stats.DisattenuatedSimilarity;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.Resampling;
import org.refusal.stats.SparseRows;

class EffectVectorsTest {

  @Test
  void twoPromptsEachByHand() {
    EffectVectors a = EffectVectors.of(rows(new float[][] {{1, 0}, {1, 2}})); // mean (1, 1), U = 1
    EffectVectors b = EffectVectors.of(rows(new float[][] {{0, 2}, {0, 2}})); // mean (0, 2), U = 4

    assertThat(a.within()).isEqualTo(1);
    assertThat(b.within()).isEqualTo(4);
    assertThat(a.cosine(b)).isEqualTo(2 / Math.sqrt(2 * 4));
    assertThat(a.disattenuated(b)).isEqualTo(2 / Math.sqrt(1 * 4));
  }

  @Test
  void undefinedWithoutAgreementOrPrompts() {
    EffectVectors opposed = EffectVectors.of(rows(new float[][] {{1, 0}, {-1, 0}}));
    EffectVectors single = EffectVectors.of(rows(new float[][] {{1, 0}}));

    assertThat(opposed.disattenuated(opposed)).isNaN();
    assertThat(opposed.cosine(single)).isNaN();
    assertThat(single.within()).isNaN();
  }

  @Test
  void agreesWithTheStatisticsFromTheGramMatrix() {
    long seed = 7;
    SplittableRandom random = new SplittableRandom(seed);
    float[][] first = random(random, 9, 12);
    float[][] second = random(random, 7, 12);
    float[][] firstLater = random(random, 9, 5);
    float[][] secondLater = random(random, 7, 5);
    int[] labels = new int[16];
    java.util.Arrays.fill(labels, 9, 16, 1);
    GramMatrix gram =
        GramMatrix.pooled(
            List.of(
                GramMatrix.ofDense(joined(first, second), 1),
                GramMatrix.ofDense(joined(firstLater, secondLater), 1)));
    double expected =
        DisattenuatedSimilarity.of(gram, labels, 2, new Resampling(1, seed, 1)).similarity()[0][1];
    double[] norms = {
      EffectVectors.meanNorm(List.of(rows(first), rows(second))),
      EffectVectors.meanNorm(List.of(rows(firstLater), rows(secondLater)))
    };

    EffectVectors a =
        EffectVectors.pooled(List.of(EffectVectors.of(rows(first)), EffectVectors.of(rows(firstLater))), norms);
    EffectVectors b =
        EffectVectors.pooled(List.of(EffectVectors.of(rows(second)), EffectVectors.of(rows(secondLater))), norms);

    assertThat(a.disattenuated(b)).as("seed " + seed).isCloseTo(expected, within(1e-9));
  }

  private static float[][] random(SplittableRandom random, int rows, int width) {
    float[][] values = new float[rows][width];
    for (float[] row : values) {
      for (int i = 0; i < width; i++) {
        row[i] = (float) (0.5 + random.nextDouble());
      }
    }
    return values;
  }

  private static float[][] joined(float[][] a, float[][] b) {
    float[][] all = java.util.Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, all, a.length, b.length);
    return all;
  }

  static SparseRows rows(float[][] dense) {
    int width = dense[0].length;
    int[] starts = new int[dense.length + 1];
    int[] columns = new int[dense.length * width];
    float[] values = new float[columns.length];
    for (int r = 0; r < dense.length; r++) {
      starts[r + 1] = (r + 1) * width;
      for (int c = 0; c < width; c++) {
        columns[r * width + c] = c;
        values[r * width + c] = dense[r][c];
      }
    }
    return new SparseRows(width, starts, columns, values);
  }
}
