package org.refusal.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LayerProposalTest {
  private static final double NAN = Double.NaN;

  private static LayerProposal of(double... decided) {
    return LayerProposal.of(decided);
  }

  @Test
  void theFirstLayerThatHasDecidedAndTheOneBelowIt() {
    LayerProposal proposal = of(.05, .17, .64, .85, 1);
    assertThat(proposal.decisionLayer()).isEqualTo("residuals_2");
    assertThat(proposal.hookPoints()).containsExactly("residuals_1", "residuals_2");
    assertThat(proposal.reasons())
        .containsExactly(
            "residuals_1: the layer below the decision layer, decided 0.17",
            "residuals_2: the decision layer, the first with decided of at least 0.5: 0.64");
  }

  @Test
  void halfIsEnough() {
    assertThat(of(.1, .5, .7).decisionLayer()).isEqualTo("residuals_1");
    assertThat(of(.1, Math.nextDown(.5), .7).decisionLayer()).isEqualTo("residuals_2");
  }

  @Test
  void aJumpWithinOneLayerAsksForTheStreamInside() {
    assertThat(of(.0, .19, .81).hookPoints()).containsExactly("residuals_1", "residuals_mid_2", "residuals_2");
    assertThat(of(.0, .2, .81).hookPoints()).containsExactly("residuals_1", "residuals_2");
    assertThat(of(.0, .19, .8).hookPoints()).containsExactly("residuals_1", "residuals_2");
    assertThat(of(.0, .19, .81).reasons().get(1))
        .isEqualTo("residuals_mid_2: decided jumps from 0.19 to 0.81 within layer 2: this lies between its attention and its MLP");
  }

  @Test
  void decidedInTheFirstLayerThereIsNoneBelow() {
    assertThat(of(.6, .9).hookPoints()).containsExactly("residuals_0");
    assertThat(of(.9, 1).hookPoints()).as("from nothing at the embedding").containsExactly("residuals_mid_0", "residuals_0");
    assertThat(of(.9).decisionLayer()).isEqualTo("residuals_0");
  }

  @Test
  void neverDecided() {
    LayerProposal proposal = of(.1, .3, NAN, .45, .2);
    assertThat(proposal.decisionLayer()).isNull();
    assertThat(proposal.hookPoints()).isEmpty();
    assertThat(proposal.reasons()).containsExactly("no layer has decided of at least 0.5: the highest is 0.45 at residuals_3");
    assertThat(of(-.3, -.1).reasons().get(0)).contains("-0.10 at residuals_1");
    assertThat(of(NAN, NAN).reasons()).containsExactly("decided is not known at any layer");
    assertThat(of().decisionLayer()).isNull();
  }

  @Test
  void whatIsNotKnownDecidesNothing() {
    LayerProposal proposal = of(.1, NAN, .9);
    assertThat(proposal.decisionLayer()).isEqualTo("residuals_2");
    assertThat(proposal.hookPoints()).as("no jump is known").containsExactly("residuals_1", "residuals_2");
    assertThat(proposal.reasons().get(0)).isEqualTo("residuals_1: the layer below the decision layer, decided not known");
  }

  @Test
  void neighboursThatMayBeTheDecisionLayerAreCapturedToo() {
    double[] decided = {0, .2, .44, .55, .8, 1};
    assertThat(LayerProposal.of(decided, new double[] {0, .1, .38, .47, .7, 1}, new double[] {0, .3, .51, .62, .9, 1}).hookPoints())
        .containsExactly("residuals_1", "residuals_2", "residuals_3", "residuals_4");
    assertThat(LayerProposal.of(decided, new double[] {0, .1, .38, .5, .7, 1}, new double[] {0, .3, .49, .6, .9, 1}).hookPoints())
        .containsExactly("residuals_2", "residuals_3");
  }

  @Test
  void whereTheProfileFallsAgainTheFirstCounts() {
    assertThat(of(.1, .55, .3, .05, .95).hookPoints()).containsExactly("residuals_0", "residuals_1");
    assertThat(of(.3, -.2, .95, .4).hookPoints()).containsExactly("residuals_1", "residuals_mid_2", "residuals_2");
  }
}
