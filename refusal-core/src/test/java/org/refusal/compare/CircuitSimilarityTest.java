package org.refusal.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.refusal.RandomSeeds;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;

class CircuitSimilarityTest {
  private static final HookPoint FIRST = HookPoint.residuals(1);
  private static final HookPoint SECOND = HookPoint.residuals(2);

  @Test
  void handComputedOverlaps() {
    Circuit a = circuit(FIRST, 4, 7, 3, 2, 2, 1); // latent, importance, ..
    Circuit b = circuit(FIRST, 7, 3, 4, 3, 9, 1);
    assertThat(CircuitSimilarity.jaccardAt(a, b, 1)).isEqualTo(1); // 4 and 7 tie in b: the lower latent first
    assertThat(CircuitSimilarity.jaccardAt(a, b, 2)).isEqualTo(1 / 3.0); // {4, 3} and {4, 7}
    assertThat(CircuitSimilarity.weightedJaccard(a, b)).isEqualTo(3 / (7.0 + 2 + 1 + 3 + 1));
  }

  @Test
  void identicalEmptyAndDisjoint() {
    Circuit a = circuit(FIRST, 1, 3, 2, 2, 3, 1);
    Circuit empty = new Circuit(List.of(), List.of());
    Circuit other = circuit(SECOND, 1, 3, 2, 2);
    assertThat(CircuitSimilarity.rankBiasedOverlap(a, a)).isCloseTo(1, within(1e-15));
    assertThat(CircuitSimilarity.weightedJaccard(a, a)).isEqualTo(1);
    assertThat(CircuitSimilarity.rankBiasedOverlap(a, other)).isZero();
    assertThat(CircuitSimilarity.weightedJaccard(a, other)).isZero();
    assertThat(CircuitSimilarity.weightedJaccard(empty, empty)).isNaN();
    assertThat(CircuitSimilarity.rankBiasedOverlap(empty, empty)).isNaN();
    assertThat(CircuitSimilarity.rankBiasedOverlap(a, empty)).isZero();
    assertThat(CircuitSimilarity.hookPoints(a, other)).containsExactly(FIRST, SECOND);
    assertThat(CircuitSimilarity.at(a, SECOND).nodes()).isEmpty();
  }

  /** Hash codes of hook points hold an enum's, another one in every JVM: no sum may follow them. */
  @RandomSeeds(5)
  void sumsGoForwardWhateverTheOrderOfTheNodes(long seed) {
    Random random = new Random(seed);
    List<HookPoint> points =
        List.of(HookPoint.attention(1), HookPoint.mlp(1), HookPoint.residuals(1), HookPoint.residuals(2)).stream()
            .sorted()
            .toList();
    List<ScoredNode> a = new ArrayList<>();
    List<ScoredNode> b = new ArrayList<>();
    double low = 0;
    double high = 0;
    for (HookPoint at : points) {
      for (int latent = 0; latent < 50; latent++) {
        double inA = random.nextDouble() * Math.pow(10, random.nextInt(6));
        double inB = random.nextDouble() * Math.pow(10, random.nextInt(6));
        a.add(new ScoredNode(new LatentNode(at, latent), inA, inA));
        b.add(new ScoredNode(new LatentNode(at, latent), inB, inB));
        low += Math.min(inA, inB);
        high += Math.max(inA, inB);
      }
    }
    for (int trial = 0; trial < 5; trial++) {
      Collections.shuffle(a, random);
      Collections.shuffle(b, random);
      assertThat(CircuitSimilarity.weightedJaccard(new Circuit(a, List.of()), new Circuit(b, List.of())))
          .isEqualTo(low / high);
    }
  }

  @Test
  void errorNodesDoNotCount() {
    Circuit a = circuit(FIRST, 1, 3);
    List<ScoredNode> nodes = new ArrayList<>(a.nodes());
    nodes.add(new ScoredNode(new ErrorNode(FIRST), -9, 9));
    assertThat(CircuitSimilarity.weightedJaccard(a, new Circuit(nodes, List.of()))).isEqualTo(1);
  }

  @Test
  void decoderSimilarityFindsASplitDirection() {
    float[][] one = {{1, 0, 0}};
    float[][] split = {{2, 0, 0}, {3, 0, 0}};
    assertThat(DecoderSimilarity.of(new double[] {1}, one, new double[] {.5, .5}, split)).isEqualTo(1);
    float[][] mixed = {{0, 1, 0}, {1, 0, 0}};
    // one: best 1; mixed: best 0 with weight 3, 1 with weight 1
    assertThat(DecoderSimilarity.of(new double[] {1}, one, new double[] {3, 1}, mixed)).isEqualTo((1 + .25) / 2);
    assertThat(DecoderSimilarity.of(new double[0], new float[0][], new double[] {3, 1}, mixed)).isNaN();
  }

  @Test
  void matrices() {
    SimilarityMatrix cross =
        SimilarityMatrix.cross(List.of("a", "b"), List.of("b", "a"), (i, j) -> i.equals(j) ? .8 : .2);
    assertThat(cross.meanOfSameCategory()).isEqualTo(.8);
    assertThat(cross.meanBetweenCategories()).isEqualTo(.2);
    SimilarityMatrix same =
        SimilarityMatrix.symmetric(
            List.of("a", "b", "c"), (i, j) -> i.equals(j) ? 1 : i.equals("b") || j.equals("b") ? .1 : .9);
    assertThat(same.clustered().rows()).containsExactly("a", "c", "b");
    assertThat(same.clustered().values()[0]).containsExactly(1, .9, .1);
  }

  private static Circuit circuit(HookPoint at, int... latentsAndImportances) {
    List<ScoredNode> nodes = new ArrayList<>();
    for (int i = 0; i < latentsAndImportances.length; i += 2) {
      double importance = latentsAndImportances[i + 1];
      nodes.add(new ScoredNode(new LatentNode(at, latentsAndImportances[i]), -importance, importance));
    }
    return new Circuit(nodes, List.of());
  }
}
