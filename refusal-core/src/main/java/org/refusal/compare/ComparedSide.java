package org.refusal.compare;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.HookPoint;
import org.refusal.stats.SparseRows;

/**
 * The circuits of one side (toxic, safe or both) with the effect vectors of its prompts.
 *
 * @param circuits by category
 * @param effects by hook point, then by category; empty when there are no attributions
 */
public record ComparedSide(
    String name, Map<String, Circuit> circuits, Map<HookPoint, Map<String, SparseRows>> effects) {

  List<String> categories() {
    return List.copyOf(circuits.keySet());
  }

  boolean hasEffects() {
    return !effects.isEmpty();
  }

  Circuit circuit(String category, String place) {
    Circuit circuit = circuits.get(category);
    return place.equals(SimilarityFile.POOLED) ? circuit : CircuitSimilarity.at(circuit, HookPoint.parse(place));
  }

  /** Of every hook point, the vectors of this side's categories in their order. */
  Map<HookPoint, List<SparseRows>> groups() {
    Map<HookPoint, List<SparseRows>> groups = new LinkedHashMap<>();
    effects.forEach((at, byCategory) -> groups.put(at, categories().stream().map(byCategory::get).toList()));
    return groups;
  }
}
