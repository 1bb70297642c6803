package org.refusal.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.refusal.RandomSeeds;
import org.refusal.circuit.HookPoint;
import org.refusal.stats.DisattenuatedSimilarity;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.Resampling;
import org.refusal.stats.SparseRows;

class EffectSimilarityTest {
  private static final HookPoint EARLY = HookPoint.residuals(1);
  private static final HookPoint LATE = HookPoint.residuals(2);

  /** Means (1, 1) and (0, 2); U 1 and 4. */
  @Test
  void twoPromptsEachByHand() {
    EffectSimilarity similarity =
        EffectSimilarity.of(
            Map.of(EARLY, List.of(rows(new float[][] {{1, 0}, {1, 2}}), rows(new float[][] {{0, 2}, {0, 2}}))), 1);

    assertThat(similarity.disattenuated().get("residuals_1")[0]).containsExactly(1, 2 / Math.sqrt(1 * 4));
    assertThat(similarity.cosine().get("residuals_1")[0]).containsExactly(1, 2 / Math.sqrt(2 * 4));
  }

  @Test
  void undefinedWithoutAgreementOrPrompts() {
    EffectSimilarity similarity =
        EffectSimilarity.of(
            Map.of(
                EARLY,
                List.of(
                    rows(new float[][] {{1, 0}, {-1, 0}}), rows(new float[][] {{1, 0}}),
                    new SparseRows(2, new int[] {0}, new int[0], new float[0]))),
            1);

    for (double[] row : similarity.disattenuated().get("pooled")) {
      assertThat(row).containsOnly(Double.NaN);
    }
    assertThat(similarity.cosine().get("pooled")[1]).containsExactly(Double.NaN, 1, Double.NaN);
  }

  @RandomSeeds(3)
  void isWhatTheStatisticsSayOfTheSamePrompts(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][][] early = {random(random, 9, 12), random(random, 7, 12)};
    float[][][] late = {random(random, 9, 5), random(random, 7, 5)};
    int[] labels = new int[16];
    Arrays.fill(labels, 9, 16, 1);
    GramMatrix gram =
        GramMatrix.pooled(List.of(GramMatrix.ofDense(joined(early), 1), GramMatrix.ofDense(joined(late), 1)));
    double expected = DisattenuatedSimilarity.of(gram, labels, 2, new Resampling(1, seed, 1)).similarity()[0][1];
    Map<HookPoint, List<SparseRows>> groups = new LinkedHashMap<>();
    groups.put(EARLY, List.of(rows(early[0]), rows(early[1])));
    groups.put(LATE, List.of(rows(late[0]), rows(late[1])));

    assertThat(EffectSimilarity.of(groups, 2).disattenuated().get("pooled")[0][1])
        .isCloseTo(expected, within(1e-12));
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

  private static float[][] joined(float[][][] parts) {
    return Arrays.stream(parts).flatMap(Arrays::stream).toArray(float[][]::new);
  }

  private static SparseRows rows(float[][] dense) {
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
