package org.refusal.baseline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.refusal.base.UserException;

class PartnersTest {

  private static PromptTokens prompt(String category, long index, int userTokens) {
    return new PromptTokens(category, index, false, false, new int[userTokens + 5], 2, 2 + userTokens);
  }

  @Test
  void userTokensAreScaledToThePartnersAndTemplateTokensMapOneToOne() {
    PromptTokens five = prompt("hate", 0, 5);
    PromptTokens nine = prompt("hate", 1, 9);
    assertThat(Alignment.of(five, nine)).containsExactly(0, 1, 2, 4, 6, 8, 10, 11, 12, 13);
    // round(p 4/8), halves up: 0 .5 1 1.5 2 2.5 3 3.5 4
    assertThat(Alignment.of(nine, five)).containsExactly(0, 1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9);
    assertThat(Alignment.of(prompt("hate", 2, 1), five)).containsExactly(0, 1, 2, 7, 8, 9);
    assertThat(Alignment.of(five, prompt("hate", 2, 1))).containsExactly(0, 1, 2, 2, 2, 2, 2, 3, 4, 5);
  }

  @Test
  void promptsOfDifferentTemplatesDoNotAlign() {
    PromptTokens other = new PromptTokens("hate", 3, false, false, new int[6], 1, 4);
    assertThatThrownBy(() -> Alignment.of(prompt("hate", 1, 3), other))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("hate/1")
        .hasMessageContaining("hate/3");
  }

  @Test
  void groupsAreTheTemplateTokensOneByOneAndTheUsersTextAsOne() {
    assertThat(prompt("hate", 0, 3).positionGroups()).containsExactly(0, 1, 2, 2, 2, 3, 4, 5);
    assertThat(prompt("hate", 0, 3).groupCount()).isEqualTo(6);
  }

  @Test
  void partnersAreAmongTheEightNearestWhateverTheOrder() {
    List<PromptTokens> pool = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      pool.add(prompt(i % 2 == 0 ? "hate" : "illegal", i, 1 + i));
    }
    PromptTokens target = prompt("violence", 7, 20);
    PromptTokens chosen = new Partners(pool, 42).of(target);
    assertThat(chosen.length()).isBetween(target.length() - 4, target.length() + 4);
    for (int round = 0; round < 5; round++) {
      Collections.shuffle(pool, new Random(round));
      assertThat(new Partners(pool, 42).of(target)).isEqualTo(chosen);
    }
    long distinct =
        java.util.stream.LongStream.range(0, 200).mapToObj(seed -> new Partners(pool, seed).of(target)).distinct().count();
    assertThat(distinct).isEqualTo(8);
  }

  @Test
  void nobodyIsTheirOwnPartner() {
    List<PromptTokens> pool = List.of(prompt("hate", 0, 4), prompt("hate", 1, 4));
    for (int seed = 0; seed < 20; seed++) {
      assertThat(new Partners(pool, seed).of(pool.get(0))).isEqualTo(pool.get(1));
    }
  }

  @Test
  void anEmptyPoolIsAnErrorThatSaysSo() {
    assertThatThrownBy(() -> new Partners(List.of(), 1)).isInstanceOf(UserException.class).hasMessageContaining("answered");
  }
}
