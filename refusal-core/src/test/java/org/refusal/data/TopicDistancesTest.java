package org.refusal.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class TopicDistancesTest {
  @Test
  void wordsInCommonBringPromptsTogether() {
    double[][] distances = TopicDistances.of(List.of("Bomb, bomb!", "bomb", "poem cat", ""));

    // one word each, the same: the vectors point the same way whatever their length
    assertThat(distances[0][1]).isCloseTo(0, within(1e-12));
    assertThat(distances[0][2]).isEqualTo(1);
    assertThat(distances[3][0]).isEqualTo(1);
    assertThat(distances[1][0]).isEqualTo(distances[0][1]);
  }

  @Test
  void rareWordsCountMore() {
    // idf: a = log(3/2) + 1 = 1.4055, b = c = log 3 + 1 = 2.0986; cosine of "a b" and "a c" = 1.4055^2 / (1.4055^2 + 2.0986^2)
    double[][] distances = TopicDistances.of(List.of("a b", "a c", "d"));

    assertThat(distances[0][1]).isCloseTo(1 - 0.3097, within(1e-3));
  }
}
