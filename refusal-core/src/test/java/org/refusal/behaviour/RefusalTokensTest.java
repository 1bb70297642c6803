package org.refusal.behaviour;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.refusal.Goldens;
import org.refusal.base.UserException;
import org.refusal.text.Tokenizer;

class RefusalTokensTest {
  @Test
  void tokensOfRefusalsStandOut() {
    // refused: 5 x token 7, 3 x token 9, 1 x token 4; complied: 1 x 7, 5 x 4, 3 x 2
    int[] tokens = {7, 7, 7, 7, 7, 9, 9, 9, 4, 7, 4, 4, 4, 4, 4, 2, 2, 2, -1};
    boolean[] refused = new boolean[tokens.length];
    Arrays.fill(refused, 0, 9, true);
    assertThat(RefusalTokens.calibrate(tokens, refused)).containsExactly(7, 9);
    RefusalTokens.Candidate first = RefusalTokens.candidates(tokens, refused).get(0);
    assertThat(first.token()).isEqualTo(7);
    assertThat(first.logOdds()).isCloseTo(Math.log((5.5 / 4.5) / (1.5 / 8.5)), within(1e-12));
    assertThat(RefusalTokens.candidates(tokens, refused)).extracting(RefusalTokens.Candidate::token)
        .containsExactly(7, 9, 4);
  }

  @Test
  void noRefusalsIsAnError() {
    assertThatThrownBy(() -> RefusalTokens.calibrate(new int[] {1, 2, 3}, new boolean[3]))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("0 of 3");
  }

  @Test
  void textsOfTheConfig() {
    try (Tokenizer tokenizer = Tokenizer.load(Goldens.folder("models").resolve("llama-mha-fp32"))) {
      assertThat(RefusalTokens.ids(List.of("a"), tokenizer))
          .contains(tokenizer.id("a").orElseThrow())
          .isSorted();
      assertThatThrownBy(() -> RefusalTokens.ids(List.of("no such token"), tokenizer))
          .hasMessageContaining("no such token");
    }
  }
}
