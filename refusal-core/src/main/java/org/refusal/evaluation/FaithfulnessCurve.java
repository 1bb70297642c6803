package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;
import org.refusal.subject.PromptTokens;

/**
 * Faithfulness and completeness of the largest nodes of a ranking, by size, beside random circuits of the same number
 * of latents per hook point (docs/evaluation.md).
 *
 * @param model F(M) of every prompt, nats
 * @param empty F(∅) of every prompt, nats
 * @param undefined why the ratios mean nothing, or null
 * @param sizes ascending
 * @param area area under faithfulness over log(size), divided by the range of log(size): 1 for a curve at 1 throughout
 * @param randomArea the same of the mean of the random circuits
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record FaithfulnessCurve(
    double[] model, double[] empty, String undefined, List<AtSize> sizes, Resampled area, double randomArea) {

  /**
   * @param size number of nodes
   * @param circuit F(C) of every prompt, nats
   * @param complement F(M\C) of every prompt, nats
   * @param randomFaithfulness of every random circuit of this size
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record AtSize(
      int size,
      double[] circuit,
      double[] complement,
      Resampled faithfulness,
      Resampled completeness,
      double[] randomFaithfulness) {}

  /** Distinct sizes from 1 to the largest (none if that is 0), evenly spaced in their logarithm, as near to the count as integers allow. */
  public static int[] sizes(int largest, int count) {
    Set<Integer> sizes = new LinkedHashSet<>();
    int steps = Math.max(2, count);
    // small integers collide, so that more steps are needed than sizes
    while (sizes.size() < Math.min(count, largest)) {
      sizes.clear();
      for (int k = 0; k < steps; k++) {
        sizes.add((int) Math.round(Math.exp(Math.log(largest) * k / (steps - 1))));
      }
      steps++;
    }
    return sizes.stream().mapToInt(Integer::intValue).toArray();
  }

  /**
   * {@code 1 + sizes (2 + randomCircuits)} patched runs per prompt, from the first hook point on.
   *
   * @param ranking all nodes with an effect, most important first; may be empty, with no sizes then
   * @param delta refusal gap of the category
   * @param randomCircuits for each size; their error nodes are those of the circuit, their latents any
   */
  public static FaithfulnessCurve measure(
      PatchedRuns runs,
      CircuitInterventions interventions,
      List<PromptTokens> prompts,
      double[] model,
      double delta,
      List<? extends Node> ranking,
      int[] sizes,
      int randomCircuits,
      int bootstrap,
      SplittableRandom random) {
    List<Intervention> planned = new ArrayList<>();
    planned.add(interventions.empty());
    for (int size : sizes) {
      List<? extends Node> nodes = ranking.subList(0, size);
      planned.add(interventions.circuit("the circuit of %d nodes".formatted(size), nodes));
      planned.add(interventions.complement("all but the circuit of %d nodes".formatted(size), nodes));
      for (int r = 0; r < randomCircuits; r++) {
        planned.add(
            interventions.circuit(
                "a random circuit of %d nodes".formatted(size),
                randomCircuit(nodes, interventions.latents(), random)));
      }
    }
    double[][] m = runs.metric(prompts, planned);
    double[] empty = m[0];
    List<AtSize> curve = new ArrayList<>();
    int next = 1;
    for (int size : sizes) {
      CircuitScore score = new CircuitScore(model, m[next], m[next + 1], empty);
      next += 2;
      double[] faithfulness = new double[randomCircuits];
      for (int r = 0; r < randomCircuits; r++) {
        faithfulness[r] = Scores.ratio(model, m[next++], empty, Scores.all(model.length));
      }
      curve.add(
          new AtSize(
              size,
              score.circuit(),
              score.complement(),
              score.faithfulness(bootstrap, random.split()),
              score.completeness(bootstrap, random.split()),
              faithfulness));
    }
    Resampled area =
        Resampled.bootstrap(
            new int[] {model.length},
            bootstrap,
            random.split(),
            chosen ->
                area(
                    sizes,
                    curve.stream().mapToDouble(at -> Scores.ratio(model, at.circuit, empty, chosen[0])).toArray()));
    double randomArea =
        randomCircuits == 0
            ? Double.NaN
            : area(sizes, curve.stream().mapToDouble(at -> Resampled.mean(at.randomFaithfulness)).toArray());
    String undefined =
        sizes.length == 0
            ? "no node has an effect, so that there is no circuit to score"
            : Scores.undefined(model, empty, delta, bootstrap, random.split()).orElse(null);
    return new FaithfulnessCurve(model, empty, undefined, curve, area, randomArea);
  }

  /** As many latents at every hook point, drawn from all of them; error nodes stay. */
  static List<Node> randomCircuit(List<? extends Node> nodes, Map<HookPoint, Integer> latents, SplittableRandom random) {
    List<Node> drawn = new ArrayList<>();
    Set<Node> taken = new HashSet<>();
    for (Node node : nodes) {
      if (node instanceof ErrorNode) {
        drawn.add(node);
        continue;
      }
      Node chosen;
      do {
        chosen = new LatentNode(node.at(), random.nextInt(latents.get(node.at())));
      } while (!taken.add(chosen));
      drawn.add(chosen);
    }
    return drawn;
  }

  /** Trapezoids over log(size), divided by the range; the value itself where there is one size, NaN where there is none. */
  static double area(int[] sizes, double[] values) {
    if (sizes.length == 0) {
      return Double.NaN;
    }
    if (sizes.length == 1) {
      return values[0];
    }
    double sum = 0;
    for (int k = 1; k < sizes.length; k++) {
      sum += (Math.log(sizes[k]) - Math.log(sizes[k - 1])) * (values[k] + values[k - 1]) / 2;
    }
    return sum / (Math.log(sizes[sizes.length - 1]) - Math.log(sizes[0]));
  }

  @Override
  public String toString() {
    return "FaithfulnessCurve" + Arrays.toString(sizes.stream().mapToInt(AtSize::size).toArray());
  }
}
