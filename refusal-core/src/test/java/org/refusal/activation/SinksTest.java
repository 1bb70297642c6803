package org.refusal.activation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;

class SinksTest {
  /** The first token of each of 50 prompts of 50 tokens is a hundred times as large as the others. */
  @Test
  void fewLargeTokensAreSinks() {
    double[] norms = new double[2500];
    int[] positions = new int[norms.length];
    Arrays.setAll(positions, t -> t % 50);
    Arrays.setAll(norms, t -> t % 50 == 0 ? 100 : 1);
    Sinks sinks = Sinks.of(HookPoint.residuals(3), norms, positions, 10);
    assertThat(sinks.sinks()).isEqualTo(50);
    assertThat(sinks.positions()).containsOnlyKeys(0);
    assertThat(sinks.threshold()).isEqualTo(10);
  }

  /** Seven of the 30 tokens of each prompt, always the same: Qwen2.5's template. They are sinks, and no fault. */
  @Test
  void sinksOfTheTemplateAreNotTooMany() {
    double[] norms = new double[1500];
    int[] positions = new int[norms.length];
    Arrays.setAll(positions, t -> t % 30);
    Arrays.setAll(norms, t -> t % 30 < 7 ? 100 : 1);
    Sinks sinks = Sinks.of(HookPoint.residuals(13), norms, positions, 10);
    assertThat(sinks.sinks()).isEqualTo(350);
    assertThat(sinks.positions()).containsOnlyKeys(0, 1, 2, 3, 4, 5, 6);

    norms[3] = 1; // no longer in all of them
    for (int t = 0; t < 15; t++) {
      norms[30 * t + 10] = 100;
    }
    assertThatThrownBy(() -> Sinks.of(HookPoint.residuals(13), norms, positions, 10))
        .hasMessageContaining("residuals_13: 64 of 1200 tokens (5.3 %) outside the positions at which every prompt has one");
  }

  /** An MLP that fires at 19 of 100 tokens: its median says nothing about the loud ones (docs/attribution.md). */
  @Test
  void aBlockThatIsSilentAtMostTokensIsAnErrorThatSaysWhatToDo() {
    double[] norms = new double[100];
    Arrays.setAll(norms, t -> t < 19 ? 1 : .01);
    int[] positions = new int[100];
    assertThatThrownBy(() -> Sinks.of(HookPoint.mlp(1), norms, positions, 10))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("mlp_1: 19 of 100 tokens (19.0 %) are attention sinks")
        .satisfies(e -> assertThat(((UserException) e).advice()).hasValueSatisfying(
            advice -> assertThat(advice).contains("loud tokens, not sinks: raise sae.sink_factor")));
    assertThatThrownBy(() -> Sinks.of(HookPoint.residuals(1), norms, positions, 10))
        .satisfies(e -> assertThat(((UserException) e).advice()).hasValueSatisfying(
            advice -> assertThat(advice).startsWith("leave this hook point out")));
    assertThat(Sinks.of(HookPoint.mlp(1), norms, positions, 1000).sinks()).isZero();
  }
}
