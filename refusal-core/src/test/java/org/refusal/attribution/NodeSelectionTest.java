package org.refusal.attribution;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.ErrorMode;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;
import org.refusal.subject.PromptTokens;

class NodeSelectionTest {
  private static final HookPoint TWO = HookPoint.residuals(2);
  private static final HookPoint THREE = HookPoint.residuals(3);
  private static final EffectForm NONE = new EffectForm(new float[1], new float[1]);

  /** Means over two prompts: at 2 latents -2, .5 and 0, error -1; at 3 latent .1, error 0. */
  private static MeanEffects means() {
    MeanEffects means = new MeanEffects(Map.of(TWO, 3, THREE, 1));
    means.add(attribution(new NodeEffects(new int[] {0, 1}, new double[] {-3, 1}, Optional.empty(), -2), .2));
    means.add(attribution(new NodeEffects(new int[] {0}, new double[] {-1}, Optional.empty(), 0), 0));
    return means;
  }

  private static PromptAttribution attribution(NodeEffects two, double three) {
    PromptTokens prompt = new PromptTokens("hate", 0, true, true, new int[] {1, 2}, 0, 1);
    NodeEffects other = new NodeEffects(new int[] {0}, new double[] {three}, Optional.empty(), 0);
    return new PromptAttribution(
        prompt,
        1,
        0,
        Map.of(
            TWO,
            new PromptAttribution.AtPoint(two, NONE, 0, 0),
            THREE,
            new PromptAttribution.AtPoint(other, NONE, 0, 0)));
  }

  @Test
  void relativeTakesWhatReachesAShareOfTheLargestInTheCircuit() {
    List<ScoredNode> nodes = new NodeSelection(NodeSelection.Rule.RELATIVE, .2, 64, true).select(means());
    assertThat(nodes)
        .containsExactly(
            new ScoredNode(new LatentNode(TWO, 0), -2, 2),
            new ScoredNode(new ErrorNode(TWO), -1, 1),
            new ScoredNode(new LatentNode(TWO, 1), .5, .5));
    assertThat(new NodeSelection(NodeSelection.Rule.RELATIVE, 0, 64, true).select(means())).hasSize(4);
    assertThat(new NodeSelection(NodeSelection.Rule.RELATIVE, .2, 1, true).select(means())).hasSize(1);
  }

  @Test
  void errorNodesThatNoPatchedRunCanReplaceAreLeftOut() {
    NodeSelection latents = new NodeSelection(NodeSelection.Rule.RELATIVE, .2, 64, ErrorMode.KEEP.nodes());
    assertThat(latents.select(means()).stream().map(ScoredNode::node))
        .containsExactly(new LatentNode(TWO, 0), new LatentNode(TWO, 1));
    assertThat(ErrorMode.ABLATE.nodes()).isFalse();
    assertThat(ErrorMode.CIRCUIT.nodes()).isTrue();
  }

  @Test
  void topNTakesExactlySoManyAtEveryHookPoint() {
    List<ScoredNode> nodes = new NodeSelection(NodeSelection.Rule.TOP_N, .5, 2, true).select(means());
    assertThat(nodes.stream().map(ScoredNode::node))
        .containsExactly(new LatentNode(TWO, 0), new ErrorNode(TWO), new LatentNode(THREE, 0), new ErrorNode(THREE));
  }

  /** Correlations with the label at residuals_2: .58, -1, 0; at residuals_3: 0, .58, 1. */
  @Test
  void theLegacyCircuitOfEqualSizeHasTheMostCorrelatedLatents() {
    HookPoint two = HookPoint.residuals(2);
    HookPoint three = HookPoint.residuals(3);
    boolean[] harmful = {true, true, false, false};
    SortedMap<HookPoint, LegacyDiscovery.Features> features = new TreeMap<>();
    features.put(two, new LegacyDiscovery.Features(new float[][] {{2, 0, 1}, {0, 0, 2}, {0, 3, 1}, {0, 3, 2}}));
    features.put(three, new LegacyDiscovery.Features(new float[][] {{1, 0, 4}, {2, 2, 4}, {1, 0, 1}, {2, 0, 1}}));
    List<Node> circuit =
        List.of(
            new LatentNode(two, 2), new ErrorNode(two), new LatentNode(three, 0), new LatentNode(three, 1));
    assertThat(LegacyDiscovery.ofEqualSize(circuit, features, harmful))
        .containsExactly(
            new LatentNode(two, 1), new LatentNode(three, 2), new LatentNode(three, 1), new ErrorNode(two));
  }
}
