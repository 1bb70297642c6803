package org.refusal.collected;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.refusal.data.Behaviour;
import org.refusal.data.Label;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split.Side;

class GateTest {
  private static final ModelOutput TOXIC = output(Label.TOXIC, Behaviour.REFUSAL, Side.DISCOVERY);
  private static final ModelOutput ANSWERED = output(Label.SAFE, Behaviour.COMPLIANCE, Side.DISCOVERY);
  private static final ModelOutput HELD_OUT = output(Label.SAFE, Behaviour.COMPLIANCE, Side.HELDOUT);

  private static ModelOutput output(Label label, Behaviour behaviour, Side side) {
    return new ModelOutput(
        0, "how", "f.csv:1", label, new int[] {1}, 0, 1, new int[0], true, "", behaviour, 0, side, true);
  }

  private static CollectReport report(boolean tokens, double auc) {
    return new CollectReport(
        "tiny", "auto", tokens ? List.of(new CollectReport.RefusalToken(5, "Sorry")) : List.of(), true,
        new CollectReport.Separation(auc, auc, auc, 10, 10), Map.of(), null, null, "all", List.of(), Map.of(), 0, 0, null,
        null, null);
  }

  private static Optional<String> closed(Map<String, List<ModelOutput>> outputs, CollectReport report, boolean force) {
    return Gate.closed(List.of("hate"), List.of("hate", "privacy"), outputs::get, report, force);
  }

  /** The two partners are in different categories, one of which is not studied. */
  private static final Map<String, List<ModelOutput>> ENOUGH =
      Map.of("hate", List.of(TOXIC, ANSWERED), "privacy", List.of(ANSWERED));

  @Test
  void isOpenWithRefusedPromptsTwoPartnersAndAMetricThatTells() {
    assertThat(closed(ENOUGH, report(true, 0.6), false)).isEmpty();
  }

  @Test
  void isClosedWhereNothingWasRefusedWhateverIsForced() {
    assertThat(closed(ENOUGH, report(false, 1), true)).contains("the model refused none of the discovery prompts");
  }

  @Test
  void isClosedWhereAStudiedCategoryHasNoToxicDiscoveryPrompt() {
    assertThat(closed(Map.of("hate", List.of(ANSWERED), "privacy", List.of(TOXIC, ANSWERED)), report(true, 1), true))
        .hasValueSatisfying(why -> assertThat(why).startsWith("no toxic discovery prompt is left in hate "));
  }

  @Test
  void isClosedWithOnePartnerAndHeldOutPromptsAreNone() {
    assertThat(closed(Map.of("hate", List.of(TOXIC, ANSWERED, HELD_OUT), "privacy", List.of()), report(true, 1), true))
        .hasValueSatisfying(why -> assertThat(why).startsWith("the model answered fewer than 2 safe discovery prompts"));
  }

  @Test
  void isClosedWithAMetricThatTellsTooLittleUnlessForced() {
    assertThat(closed(ENOUGH, report(true, 0.59), false))
        .hasValueSatisfying(why -> assertThat(why).contains("AUC 0.590, below .6"));
    assertThat(closed(ENOUGH, report(true, 0.59), true)).isEmpty();
    assertThat(closed(ENOUGH, report(true, Double.NaN), false))
        .hasValueSatisfying(why -> assertThat(why).startsWith("the metric m cannot be judged, since "));
  }
}
