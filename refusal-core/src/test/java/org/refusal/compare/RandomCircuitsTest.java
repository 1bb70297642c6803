package org.refusal.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleBiFunction;
import org.junit.jupiter.api.Test;
import org.refusal.base.Seeds;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;

class RandomCircuitsTest {
  private static final HookPoint AT = HookPoint.residuals(1);
  private static final HookPoint LATER = HookPoint.residuals(2);
  private static final Map<String, ToDoubleBiFunction<Circuit, Circuit>> MEASURES =
      Map.of("jaccard", (a, b) -> CircuitSimilarity.jaccardAt(a, b, 1000));

  private static Circuit circuit(int first, int count) {
    List<ScoredNode> nodes = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      nodes.add(new ScoredNode(new LatentNode(AT, first + i), -1.0 - i, 1.0 + i));
    }
    nodes.add(new ScoredNode(new LatentNode(LATER, 3), 2, 2));
    return new Circuit(nodes, List.of());
  }

  @Test
  void sizesAndImportancesStayWhileLatentsAreDrawn() {
    Circuit drawn = new RandomCircuits(Map.of(AT, 40, LATER, 7), 1, 1).of(circuit(0, 30), Seeds.random(3));

    assertThat(drawn.nodes()).hasSize(31);
    assertThat(drawn.nodes().stream().map(ScoredNode::node).distinct()).hasSize(31);
    assertThat(drawn.nodes().stream().mapToDouble(ScoredNode::importance).sum()).isEqualTo(30 * 31 / 2.0 + 2);
    assertThat(drawn.nodes().stream().filter(scored -> scored.node().at().equals(LATER))).hasSize(1);
  }

  @Test
  void chanceOverlapIsThatOfRandomSets() {
    // two sets of 20 of 200 share 2 on average: Jaccard about 2 / 38
    Map<String, Circuit> circuits = new LinkedHashMap<>();
    circuits.put("a", onePoint(0));
    circuits.put("b", onePoint(0));

    RandomCircuits.Chance chance =
        new RandomCircuits(Map.of(AT, 200), 2000, 5).similarity(circuits, circuits, MEASURES).get("jaccard");

    assertThat(chance.mean()).isCloseTo(2 / 38.0, within(0.004));
    assertThat(chance.low()).isZero();
    assertThat(chance.high()).isBetween(0.1, 0.2);
    assertThat(chance.draws()).isEqualTo(2000);
    assertThat(new RandomCircuits(Map.of(AT, 200), 2000, 5).similarity(circuits, circuits, MEASURES).get("jaccard"))
        .isEqualTo(chance);
  }

  private static Circuit onePoint(int first) {
    return CircuitSimilarity.at(circuit(first, 20), AT);
  }

  @Test
  void oneCategoryHasNoPairs() {
    Map<String, Circuit> one = Map.of("a", onePoint(0));

    RandomCircuits.Chance chance = new RandomCircuits(Map.of(AT, 200), 10, 5).similarity(one, one, MEASURES).get("jaccard");

    assertThat(chance.mean()).isNaN();
    assertThat(chance.draws()).isZero();
  }
}
