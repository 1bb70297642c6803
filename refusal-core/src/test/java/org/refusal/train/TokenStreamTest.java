package org.refusal.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.refusal.activation.StoredPrompt;

class TokenStreamTest {
  private static final int TOKENS = 300;
  private static final int PROMPTS = 4000;

  /** Every fifth prompt is toxic. */
  private static TokenStream stream(boolean balanced, long seed) {
    List<TrainingPrompt> prompts = new ArrayList<>();
    List<int[]> rows = new ArrayList<>();
    for (int p = 0; p < PROMPTS; p++) {
      prompts.add(new TrainingPrompt(new StoredPrompt("hate", p, 0, (long) p * TOKENS, TOKENS), p % 5 == 0));
      rows.add(IntStream.range(p * TOKENS, (p + 1) * TOKENS).toArray());
    }
    SaeOptions options =
        new SaeOptions(32, 3, 0, 10_000, 10, 3, 48, 0, 0, balanced, false, 3e-3, 1 << 20, 100, 0, seed);
    return new TokenStream(new SaeData(prompts, List.of(), Map.of()), rows, options);
  }

  private static long distinctPrompts(int[] rows) {
    return Arrays.stream(rows).map(row -> row / TOKENS).distinct().count();
  }

  @Test
  void anEpochHoldsEveryTokenOnceAndAGroupFewPrompts() {
    TokenStream stream = stream(false, 1);
    assertThat(stream.epochLength()).isEqualTo(PROMPTS * TOKENS).isGreaterThan(TokenStream.GROUP);
    int[] epoch = stream.rows(0, stream.epochLength());
    int[] sorted = epoch.clone();
    Arrays.sort(sorted);
    assertThat(sorted).isEqualTo(IntStream.range(0, PROMPTS * TOKENS).toArray());

    int[] group = Arrays.copyOf(epoch, TokenStream.GROUP);
    assertThat(distinctPrompts(group)).isLessThanOrEqualTo(TokenStream.GROUP / TOKENS + 1);
    int[] batch = Arrays.copyOf(epoch, 512);
    assertThat(distinctPrompts(batch)).as("a batch is mixed from the whole group").isGreaterThan(250);
    int changes = 0;
    for (int i = 1; i < group.length; i++) {
      changes += group[i] / TOKENS == group[i - 1] / TOKENS ? 0 : 1;
    }
    assertThat(changes).as("neighbours are of different prompts").isGreaterThan((int) (.99 * group.length));
  }

  @Test
  void epochsAndSeedsDifferAndAreReproducible() {
    int length = PROMPTS * TOKENS;
    assertThat(stream(false, 1).rows(length - 10, 20)).isEqualTo(stream(false, 1).rows(length - 10, 20));
    assertThat(stream(false, 1).rows(0, 100)).isNotEqualTo(stream(false, 1).rows(length, 100));
    assertThat(stream(false, 1).rows(0, 100)).isNotEqualTo(stream(false, 2).rows(0, 100));
  }

  @Test
  void balancedSidesAlsoComeInGroups() {
    TokenStream stream = stream(true, 1);
    int[] draws = stream.rows(0, TokenStream.GROUP / 2);
    int[] toxic = Arrays.stream(draws).filter(row -> row / TOKENS % 5 == 0).toArray();
    int[] safe = Arrays.stream(draws).filter(row -> row / TOKENS % 5 != 0).toArray();
    assertThat(toxic.length / (double) draws.length).isBetween(.49, .51);
    assertThat(distinctPrompts(safe)).as("half of the draws of a group, of 3200 safe prompts")
        .isLessThanOrEqualTo(TokenStream.GROUP / 2 / TOKENS + 1);
    int[] epoch = stream.rows(0, stream.epochLength());
    assertThat(Arrays.stream(epoch).filter(row -> row / TOKENS % 5 == 0).distinct().count())
        .as("each of the fewer toxic tokens is drawn").isEqualTo(PROMPTS / 5 * TOKENS);
  }

  /** Twenty tokens of hate (16 toxic), ten of privacy (2 toxic); weights .25 and .75 on either side. */
  @Test
  void sidesAndCategoriesOfUnequalSizeAreDrawnByTheirShares() {
    int[][] sizes = {{16, 4}, {2, 8}};
    List<TrainingPrompt> prompts = new ArrayList<>();
    List<int[]> rows = new ArrayList<>();
    int row = 0;
    for (int c = 0; c < 2; c++) {
      for (int side = 0; side < 2; side++) {
        for (int p = 0; p < sizes[c][side]; p++) {
          prompts.add(new TrainingPrompt(new StoredPrompt(c == 0 ? "hate" : "privacy", p, 0, row, 1), side == 0));
          rows.add(new int[] {row++});
        }
      }
    }
    SaeOptions options = new SaeOptions(32, 3, 0, 10_000, 10, 3, 48, 0, 0, true, true, 3e-3, 1 << 20, 100, 0, 1);
    TokenStream stream =
        new TokenStream(new SaeData(prompts, List.of(), Map.of("hate", .25, "privacy", .75)), rows, options);
    int[] draws = stream.rows(0, 20_000);
    double[] expected = {.125, .125, .375, .375};
    int[] ends = {16, 20, 22, 30};
    for (int s = 0; s < 4; s++) {
      int from = s == 0 ? 0 : ends[s - 1];
      int to = ends[s];
      assertThat(Arrays.stream(draws).filter(each -> each >= from && each < to).count() / 20_000.0)
          .as("share of rows %d to %d", from, to - 1).isBetween(expected[s] - .015, expected[s] + .015);
    }
  }
}
