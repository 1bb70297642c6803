package org.refusal.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.refusal.circuit.ErrorMode;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;

class CircuitScoreTest {
  private static final HookPoint LOW = HookPoint.residuals(2);
  private static final HookPoint HIGH = HookPoint.residuals(3);

  @Test
  void ratiosAreNotClamped() {
    CircuitScore score =
        new CircuitScore(new double[] {4, 6}, new double[] {9, 9}, new double[] {0, -2}, new double[] {1, 1});
    assertThat(score.faithfulness()).isCloseTo(2, within(1e-12));
    assertThat(score.completeness()).isCloseTo(-.5, within(1e-12));
    assertThat(score.undefined(5, 200, new SplittableRandom(1))).isEmpty();
  }

  @Test
  void ratiosOfASmallOrNoisyEffectAreUndefined() {
    CircuitScore score =
        new CircuitScore(new double[] {4, 6}, new double[] {9, 9}, new double[] {0, -2}, new double[] {1, 1});
    assertThat(score.undefined(20, 200, new SplittableRandom(1)).orElseThrow()).contains("less than 0.3");
    CircuitScore noisy =
        new CircuitScore(new double[] {9, -6}, new double[] {9, 9}, new double[] {0, -2}, new double[] {0, 0});
    assertThat(noisy.undefined(2, 200, new SplittableRandom(1)).orElseThrow()).contains("within noise");
  }

  @Test
  void sizesAreDistinctAndSpanTheRange() {
    for (int largest : new int[] {1, 5, 12, 13, 40, 1000, 100000}) {
      int[] sizes = FaithfulnessCurve.sizes(largest, 12);
      assertThat(sizes).as("largest %d", largest).isSorted().doesNotHaveDuplicates().startsWith(1).endsWith(largest);
      assertThat(sizes.length).isGreaterThanOrEqualTo(Math.min(largest, 12));
    }
  }

  @Test
  void withoutNodesThereIsNoSizeAndNoArea() {
    assertThat(FaithfulnessCurve.sizes(0, 12)).isEmpty();
    assertThat(FaithfulnessCurve.area(new int[0], new double[0])).isNaN();
  }

  @Test
  void areaIsTheMeanOverTheLogarithmOfSize() {
    assertThat(FaithfulnessCurve.area(new int[] {1, 10, 100}, new double[] {1, 1, 1})).isCloseTo(1, within(1e-12));
    assertThat(FaithfulnessCurve.area(new int[] {1, 10, 100}, new double[] {0, 1, 1})).isCloseTo(.75, within(1e-12));
  }

  @Test
  void errorModesDecideWhichErrorsAreReplaced() {
    List<Node> circuit = List.of(new LatentNode(LOW, 1), new ErrorNode(HIGH));
    assertThat(errors(ErrorMode.KEEP, circuit)).isEqualTo("C -- M\\C -- empty --");
    assertThat(errors(ErrorMode.CIRCUIT, circuit)).isEqualTo("C x- M\\C -x empty xx");
    assertThat(errors(ErrorMode.ABLATE, circuit)).isEqualTo("C xx M\\C xx empty xx");
  }

  private static String errors(ErrorMode mode, List<Node> circuit) {
    CircuitInterventions interventions = new CircuitInterventions(Map.of(LOW, 3, HIGH, 3), mode);
    Intervention inside = interventions.circuit("C", circuit);
    assertThat(latents(inside, LOW)).isEqualTo(BitSet.valueOf(new long[] {0b101}));
    assertThat(latents(interventions.complement("M\\C", circuit), LOW)).isEqualTo(BitSet.valueOf(new long[] {0b010}));
    assertThat(latents(interventions.empty(), HIGH)).isEqualTo(BitSet.valueOf(new long[] {0b111}));
    return "C %s M\\C %s empty %s"
        .formatted(marks(inside), marks(interventions.complement("M\\C", circuit)), marks(interventions.empty()));
  }

  private static BitSet latents(Intervention intervention, HookPoint at) {
    return ((Replacement.Nodes) intervention.byPoint().get(at)).latents();
  }

  private static String marks(Intervention intervention) {
    StringBuilder marks = new StringBuilder();
    intervention.byPoint().values().forEach(r -> marks.append(((Replacement.Nodes) r).error() ? "x" : "-"));
    return marks.toString();
  }

  @Test
  void randomCircuitsHaveAsManyLatentsPerHookPoint() {
    List<Node> circuit =
        List.of(new LatentNode(LOW, 1), new LatentNode(LOW, 2), new LatentNode(HIGH, 0), new ErrorNode(HIGH));
    List<Node> drawn =
        FaithfulnessCurve.randomCircuit(circuit, Map.of(LOW, 50, HIGH, 50), new SplittableRandom(7));
    assertThat(drawn).doesNotHaveDuplicates().hasSize(4).contains(new ErrorNode(HIGH));
    assertThat(drawn.stream().filter(node -> node.at().equals(LOW))).hasSize(2);
  }
}
