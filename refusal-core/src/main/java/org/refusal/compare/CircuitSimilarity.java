package org.refusal.compare;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;
import org.refusal.stats.Overlap;
import org.refusal.stats.RankBiasedOverlap;

/**
 * Overlap and rank measures on the latents of two circuits, importances as weights. Error nodes are left out: all
 * circuits have them. Two circuits without latents: NaN; one of the two without: 0.
 */
public final class CircuitSimilarity {
  /** Persistence of rank-biased overlap: the first 50 ranks carry about 86 % of the weight. */
  public static final double PERSISTENCE = 0.98;

  /** Latents in forward order and by number: the order of every sum, as hash codes of enums differ between JVMs. */
  private static final Comparator<Node> FORWARD =
      Comparator.comparing(Node::at).thenComparing(node -> ((LatentNode) node).latent());

  private CircuitSimilarity() {}

  /** Sum of smaller importances over sum of larger ones, over the latents of either. */
  public static double weightedJaccard(Circuit a, Circuit b) {
    Map<Node, Double> weightsA = weights(a);
    Map<Node, Double> weightsB = weights(b);
    Set<Node> either = new TreeSet<>(FORWARD);
    either.addAll(weightsA.keySet());
    either.addAll(weightsB.keySet());
    return Overlap.weightedJaccard(
        either.stream().mapToDouble(node -> weightsA.getOrDefault(node, 0.0)).toArray(),
        either.stream().mapToDouble(node -> weightsB.getOrDefault(node, 0.0)).toArray());
  }

  /** Extrapolated rank-biased overlap of the latents by importance, to the depth of the shorter list. */
  public static double rankBiasedOverlap(Circuit a, Circuit b) {
    return RankBiasedOverlap.of(ranked(a), ranked(b), PERSISTENCE).extrapolated();
  }

  /** Jaccard index of the k most important latents of each. */
  public static double jaccardAt(Circuit a, Circuit b, int k) {
    return Overlap.jaccard(top(a, k), top(b, k));
  }

  /** The circuit's nodes at one hook point; edges are dropped. */
  public static Circuit at(Circuit circuit, HookPoint point) {
    return new Circuit(
        circuit.nodes().stream().filter(scored -> scored.node().at().equals(point)).toList(), List.of());
  }

  /** Hook points at which either circuit has nodes, in forward order. */
  public static Set<HookPoint> hookPoints(Circuit a, Circuit b) {
    Set<HookPoint> points = new TreeSet<>();
    a.nodes().forEach(scored -> points.add(scored.node().at()));
    b.nodes().forEach(scored -> points.add(scored.node().at()));
    return points;
  }

  private static Map<Node, Double> weights(Circuit circuit) {
    Map<Node, Double> weights = new TreeMap<>(FORWARD);
    for (ScoredNode scored : circuit.nodes()) {
      if (scored.node() instanceof LatentNode) {
        weights.put(scored.node(), scored.importance());
      }
    }
    return weights;
  }

  /** By descending importance; ties in forward order and by latent, so that equal circuits rank alike. */
  private static List<Node> ranked(Circuit circuit) {
    return circuit.nodes().stream()
        .filter(scored -> scored.node() instanceof LatentNode)
        .sorted(
            Comparator.comparingDouble(ScoredNode::importance)
                .reversed()
                .thenComparing(ScoredNode::node, FORWARD))
        .map(ScoredNode::node)
        .toList();
  }

  private static Set<Node> top(Circuit circuit, int k) {
    return ranked(circuit).stream().limit(k).collect(Collectors.toSet());
  }
}
