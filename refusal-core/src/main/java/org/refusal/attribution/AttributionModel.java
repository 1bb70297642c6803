package org.refusal.attribution;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.List;
import java.util.Map;
import org.refusal.baseline.Baseline;
import org.refusal.baseline.SinkThresholds;
import org.refusal.circuit.HookPoint;
import org.refusal.model.CausalLm;
import org.refusal.model.RefusalMetric;
import org.refusal.sae.SparseAutoencoder;

/**
 * All that effects are computed with.
 *
 * @param padId token that fills a batch up
 * @param saes in the working dtype of the model ({@link org.refusal.baseline.Precision}), by hook point
 */
public record AttributionModel(
    CausalLm lm,
    RefusalMetric metric,
    int padId,
    SortedMap<HookPoint, SparseAutoencoder> saes,
    Baseline baseline,
    SinkThresholds thresholds) {

  public AttributionModel(
      CausalLm lm,
      RefusalMetric metric,
      int padId,
      Map<HookPoint, SparseAutoencoder> saes,
      Baseline baseline,
      SinkThresholds thresholds) {
    this(lm, metric, padId, Collections.unmodifiableSortedMap(new TreeMap<>(saes)), baseline, thresholds);
  }

  /** In forward order. */
  public List<HookPoint> hookPoints() {
    return List.copyOf(saes.keySet());
  }
}
