package org.refusal.circuit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.refusal.base.UserException;

class HookPointTest {

  @Test
  void theStreamBetweenAttentionAndMlpHasTwoNames() {
    HookPoint mid = HookPoint.residualsMid(14);
    assertThat(mid.name()).isEqualTo("residuals_mid_14");
    assertThat(mid.transformerLensName()).isEqualTo("blocks.14.hook_resid_mid");
    assertThat(HookPoint.parse("residuals_mid_14")).isEqualTo(mid);
    assertThat(HookPoint.parse("blocks.14.hook_resid_mid")).isEqualTo(mid);
    assertThat(HookPoint.parse("residuals_14")).isEqualTo(HookPoint.residuals(14));
    assertThat(mid.site().isStream()).isTrue();
    assertThat(HookPoint.mlp(14).site().isStream()).isFalse();
  }

  @Test
  void rangesAndAllKeepTheStreamsApart() {
    List<HookPoint> every =
        List.of(HookPoint.residuals(0), HookPoint.residualsMid(0), HookPoint.mlp(0), HookPoint.residualsMid(1));
    assertThat(HookPoint.parseAll(List.of("residuals_mid_3-4")))
        .containsExactly(HookPoint.residualsMid(3), HookPoint.residualsMid(4));
    assertThat(HookPoint.parseAll(List.of("residuals_mid_all"), every))
        .containsExactly(HookPoint.residualsMid(0), HookPoint.residualsMid(1));
    assertThat(HookPoint.parseAll(List.of("all"), every)).containsExactly(HookPoint.residuals(0));
  }

  @Test
  void theOrderIsThatOfAForwardPass() {
    List<HookPoint> forward =
        List.of(
            HookPoint.residuals(1), HookPoint.attention(2), HookPoint.residualsMid(2), HookPoint.mlp(2),
            HookPoint.residuals(2), HookPoint.attention(3));
    assertThat(forward).isSorted();
  }

  @Test
  void whatNamesNoHookPointIsRefused() {
    for (String name : List.of("residuals_mid", "residuals_mid_", "residuals_middle_3", "residuals_mid_3-2", "mid_3")) {
      assertThatThrownBy(() -> HookPoint.parse(name)).as(name).isInstanceOf(UserException.class);
    }
  }
}
