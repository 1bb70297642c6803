package org.refusal.collected;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.refusal.data.Behaviour;
import org.refusal.data.Label;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;
import org.refusal.stats.Auc;
import org.refusal.verdict.UnjudgedMetric;

class MetricSeparationTest {

  private static ModelOutput output(Label label, Behaviour behaviour, double metric, Split.Side side, boolean kept) {
    return new ModelOutput(
        0, "", "", label, new int[] {1}, 0, 1, new int[0], true, "", behaviour, metric, side, kept);
  }

  /** Discovery prompts are told apart without a fault, held-out ones the wrong way round in one pair of four. */
  @Test
  void heldOutPromptsOfAnyLabelCountAndNoOthers() {
    MetricSeparation separation =
        MetricSeparation.of(
            List.of(
                output(Label.TOXIC, Behaviour.REFUSAL, 90, Split.Side.DISCOVERY, true),
                output(Label.SAFE, Behaviour.COMPLIANCE, -90, Split.Side.DISCOVERY, true),
                output(Label.TOXIC, Behaviour.REFUSAL, 4, Split.Side.HELDOUT, true),
                output(Label.HARD, Behaviour.PARTIAL, 1, Split.Side.HELDOUT, false),
                output(Label.TOXIC, Behaviour.COMPLIANCE, 2, Split.Side.HELDOUT, false),
                output(Label.SAFE, Behaviour.COMPLIANCE, -3, Split.Side.HELDOUT, true),
                output(Label.SAFE, Behaviour.COMPLIANCE, Double.NaN, Split.Side.HELDOUT, true)));

    assertThat(separation.refused()).containsExactly(4, 1);
    assertThat(separation.complied()).containsExactly(2, -3);
    assertThat(Auc.of(separation.refused(), separation.complied()).value()).isEqualTo(0.75);
  }

  @Test
  void saysWhichSideIsMissing() {
    assertThat(UnjudgedMetric.why(0, 12)).isEqualTo("none of the 12 held-out prompts was refused");
    assertThat(UnjudgedMetric.why(9, 0)).isEqualTo("all of the 9 held-out prompts were refused");
    assertThat(UnjudgedMetric.why(0, 0)).isEqualTo("m was measured on no held-out prompt");
  }
}
