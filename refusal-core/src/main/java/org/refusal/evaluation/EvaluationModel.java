package org.refusal.evaluation;

import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.refusal.baseline.Baseline;
import org.refusal.baseline.SinkThresholds;
import org.refusal.circuit.HookPoint;
import org.refusal.model.CausalLm;
import org.refusal.model.RefusalMetric;
import org.refusal.sae.SparseAutoencoder;

/**
 * All that patched runs are made with.
 *
 * @param padId token that fills a batch up
 * @param saes in the working dtype of the model ({@link org.refusal.baseline.Precision}); needed where latents or errors
 *     are replaced
 * @param baseline what is replaced by
 */
public record EvaluationModel(
    CausalLm lm,
    RefusalMetric metric,
    int padId,
    SortedMap<HookPoint, SparseAutoencoder> saes,
    Baseline baseline,
    SinkThresholds thresholds) {

  public EvaluationModel(
      CausalLm lm,
      RefusalMetric metric,
      int padId,
      Map<HookPoint, SparseAutoencoder> saes,
      Baseline baseline,
      SinkThresholds thresholds) {
    this(lm, metric, padId, Collections.unmodifiableSortedMap(new TreeMap<>(saes)), baseline, thresholds);
  }

  SparseAutoencoder sae(HookPoint at) {
    SparseAutoencoder sae = saes.get(at);
    if (sae == null) {
      throw new IllegalStateException("no autoencoder at " + at.name());
    }
    return sae;
  }
}
