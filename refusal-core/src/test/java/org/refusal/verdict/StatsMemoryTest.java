package org.refusal.verdict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.stats.GramMatrix;

class StatsMemoryTest {
  private static final long GIB = 1L << 30;

  @Test
  void saysWhatToLowerBeforeAnythingIsAllocated() {
    StatsMemory.require(1_000, 5, 10, 2, GIB); // 28 matrices of 8 MB
    // 28 matrices of 200 MB are 5.2 GiB; .85 GiB hold 28 of 2018 x 2018, 403 prompts of each of 5 categories
    assertThatThrownBy(() -> StatsMemory.require(5_000, 5, 10, 2, GIB))
        .isInstanceOfSatisfying(
            UserException.class,
            e -> {
              assertThat(e.exitCode()).isEqualTo(ExitCode.ENVIRONMENT);
              assertThat(e.advice().orElseThrow())
                  .contains("discovery.max_prompts_per_category 403 or less")
                  .endsWith("REFUSAL_JAVA_OPTS=-Xmx7g");
            })
        .hasMessage(
            "5000 refused discovery prompts at 10 hook points: 28 matrices of 5000 x 5000 take 5.2 GiB; the heap has 1.0");
  }

  /** 46,341^2 is more than an int: the size was negative; 65,536^2 is 0 as an int: an array of no length. */
  @Test
  void matricesThatNoArrayHoldsAreRefusedByName() {
    for (int n : new int[] {46_341, 65_536, 65_537, 100_000}) {
      assertThatThrownBy(() -> GramMatrix.ofDense(new double[n][0], 1))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("prompts: a matrix of their inner products holds at most 46340");
      assertThatThrownBy(() -> StatsMemory.require(n, 5, 1, 2, Long.MAX_VALUE))
          .isInstanceOfSatisfying(
              UserException.class,
              e -> assertThat(e.advice().orElseThrow()).contains("discovery.max_prompts_per_category"));
    }
    GramMatrix.requireSize(GramMatrix.MOST_VECTORS);
  }

  @Test
  void distancesAreMadeAFewAtATime() {
    assertThat(StatsMemory.distancesAtOnce(1_000, GIB)).isEqualTo(16); // 128 MiB / 8 MB
    assertThat(StatsMemory.distancesAtOnce(20_000, GIB)).isEqualTo(1);
    assertThat(StatsMemory.distancesAtOnce(10, Long.MAX_VALUE)).isPositive();
  }
}
