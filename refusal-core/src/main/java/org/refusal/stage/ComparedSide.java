package org.refusal.stage;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.HookPoint;
import org.refusal.compare.CircuitSimilarity;
import org.refusal.compare.EffectVectors;
import org.refusal.stats.SparseRows;

/**
 * The circuits of one side (toxic, safe or both) with the effect vectors of the prompts that they were made from.
 *
 * @param circuits by category
 * @param effects by hook point, then by category; empty when there are no attributions
 */
record ComparedSide(
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

  /** Vectors by place, then by category; the scale of a hook point before pooling is common to both sides. */
  static Map<String, Map<String, EffectVectors>> vectors(ComparedSide side, Map<HookPoint, Double> meanNorms) {
    Map<String, Map<String, EffectVectors>> vectors = new LinkedHashMap<>();
    side.effects.forEach((at, byCategory) -> {
      Map<String, EffectVectors> here = new LinkedHashMap<>();
      byCategory.forEach((category, rows) -> here.put(category, EffectVectors.of(rows)));
      vectors.put(at.name(), here);
    });
    Map<String, EffectVectors> pooled = new LinkedHashMap<>();
    double[] norms = side.effects.keySet().stream().mapToDouble(meanNorms::get).toArray();
    for (String category : side.categories()) {
      List<EffectVectors> parts = vectors.values().stream().map(here -> here.get(category)).toList();
      pooled.put(category, EffectVectors.pooled(parts, norms));
    }
    vectors.put(SimilarityFile.POOLED, pooled);
    return vectors;
  }
}
