package org.refusal.compare;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.Edge;

/**
 * A circuit as the earlier project saw it: nodes and edges by name, with importances.
 *
 * @param nodes importance by node id, in the file's order
 * @param edges in the file's order
 */
public record LegacyCircuit(Map<String, Double> nodes, List<LegacyEdge> edges) {

  public record LegacyEdge(String source, String target, double importance) {
    String key() {
      return source + "_" + target;
    }
  }

  public static LegacyCircuit of(Circuit circuit) {
    Map<String, Double> nodes = new LinkedHashMap<>();
    for (ScoredNode scored : circuit.nodes()) {
      nodes.put(CircuitJson.id(scored.node()), scored.importance());
    }
    List<LegacyEdge> edges = new ArrayList<>();
    for (Edge edge : circuit.edges()) {
      edges.add(
          new LegacyEdge(
              CircuitJson.id(edge.upstream()), CircuitJson.id(edge.downstream()), Math.abs(edge.weight())));
    }
    return new LegacyCircuit(nodes, edges);
  }

  /** The most important nodes, ties in file order, and the edges among them. O(n log n). */
  public LegacyCircuit cutTo(int size) {
    Map<String, Double> kept = topNodes(size);
    Set<String> names = new HashSet<>(kept.keySet());
    List<LegacyEdge> among =
        edges.stream().filter(edge -> names.contains(edge.source()) && names.contains(edge.target())).toList();
    return new LegacyCircuit(kept, among);
  }

  Map<String, Double> topNodes(int size) {
    Map<String, Double> top = new LinkedHashMap<>();
    nodes.entrySet().stream()
        .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
        .limit(size)
        .forEachOrdered(entry -> top.put(entry.getKey(), entry.getValue()));
    return top;
  }

  Set<String> topEdges(int size) {
    Set<String> top = new HashSet<>();
    edges.stream()
        .sorted(Comparator.comparingDouble(LegacyEdge::importance).reversed())
        .limit(size)
        .forEachOrdered(edge -> top.add(edge.key()));
    return top;
  }

  /** All circuits cut to the size of the smallest; an empty one empties all. */
  public static Map<String, LegacyCircuit> equalized(Map<String, LegacyCircuit> circuits) {
    int smallest = circuits.values().stream().mapToInt(circuit -> circuit.nodes().size()).min().orElse(0);
    return equalizedTo(circuits, smallest);
  }

  public static Map<String, LegacyCircuit> equalizedTo(Map<String, LegacyCircuit> circuits, int size) {
    Map<String, LegacyCircuit> cut = new LinkedHashMap<>();
    circuits.forEach((name, circuit) -> cut.put(name, circuit.cutTo(size)));
    return cut;
  }
}
