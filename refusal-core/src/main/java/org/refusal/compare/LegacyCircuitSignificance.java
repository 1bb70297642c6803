package org.refusal.compare;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.stats.LegacySignificance;

/**
 * The original project's significance of one circuit: its legacy similarity with a random circuit, among its similarities
 * with many random circuits. A random circuit has as many latents at every hook point as there are among the circuit's 100
 * most important ones, drawn without repetition, all of one importance, and no edges. What is called observed is thus a draw from the null itself: p is uniform over (0, 1]
 * whatever the circuit, and says nothing about sharing. For reproducing earlier results; draw no conclusions from it.
 */
public final class LegacyCircuitSignificance {
  private static final int TOP = 100;

  private LegacyCircuitSignificance() {}

  /** How many of the circuit's 100 most important nodes lie at every hook point, ties in file order. */
  public static Map<HookPoint, Integer> perPoint(Circuit circuit) {
    Map<HookPoint, Integer> counts = new TreeMap<>();
    circuit.nodes().stream()
        .sorted(Comparator.comparingDouble(ScoredNode::importance).reversed())
        .limit(TOP)
        .forEachOrdered(scored -> counts.merge(scored.node().at(), 1, Integer::sum));
    return counts;
  }

  /**
   * @param perPoint latents of a random circuit at every hook point
   * @param latents d_sae
   * @param draws random circuits; cost O(draws * nodes)
   */
  public static LegacySignificance of(
      LegacyCircuit circuit, Map<HookPoint, Integer> perPoint, int latents, int draws, SplittableRandom random) {
    double observed = LegacySimilarity.of(circuit, random(perPoint, latents, random));
    double[] scores = new double[draws];
    for (int i = 0; i < draws; i++) {
      scores[i] = LegacySimilarity.of(circuit, random(perPoint, latents, random));
    }
    return LegacySignificance.of(observed, scores, true);
  }

  static LegacyCircuit random(Map<HookPoint, Integer> perPoint, int latents, SplittableRandom random) {
    List<String> names = new ArrayList<>();
    perPoint.forEach((at, count) -> {
      Set<Integer> drawn = new LinkedHashSet<>();
      while (drawn.size() < Math.min(count, latents)) {
        drawn.add(random.nextInt(latents));
      }
      drawn.forEach(latent -> names.add(CircuitJson.id(new LatentNode(at, latent))));
    });
    Map<String, Double> nodes = new LinkedHashMap<>();
    names.forEach(name -> nodes.put(name, 1.0));
    return new LegacyCircuit(nodes, List.of());
  }
}
