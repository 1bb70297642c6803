package org.refusal.compare;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.CircuitJson;
import org.refusal.stats.LegacySignificance;

/**
 * The original project's significance of one circuit: its legacy similarity with a random circuit, among its similarities
 * with many random circuits. A random circuit has as many latents at every hook point, drawn without repetition, all of
 * one importance, and no edges. What is called observed is thus a draw from the null itself: p is uniform over (0, 1]
 * whatever the circuit, and says nothing about sharing. For reproducing earlier results; draw no conclusions from it.
 */
public final class LegacyCircuitSignificance {
  private LegacyCircuitSignificance() {}

  /**
   * @param perPoint latents of the circuit at every hook point
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
    for (int i = names.size() - 1; i > 0; i--) { // the top 100 of equals are the first 100
      int j = random.nextInt(i + 1);
      String name = names.get(i);
      names.set(i, names.get(j));
      names.set(j, name);
    }
    Map<String, Double> nodes = new LinkedHashMap<>();
    names.forEach(name -> nodes.put(name, 1.0));
    return new LegacyCircuit(nodes, List.of());
  }
}
