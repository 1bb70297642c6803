package org.refusal.subject;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.refusal.circuit.HookPoint;
import org.refusal.model.CausalLm;
import org.refusal.model.RefusalMetric;
import org.refusal.sae.SparseAutoencoder;

/**
 * All that effects are computed and patched runs are made with.
 *
 * @param padId token that fills a batch up
 * @param saes in the working dtype of the model ({@link Precision}), by hook point; needed where
 *     latents or errors are replaced
 * @param baseline what is replaced by
 */
public record StudiedModel(
    CausalLm lm,
    RefusalMetric metric,
    int padId,
    SortedMap<HookPoint, SparseAutoencoder> saes,
    Baseline baseline,
    SinkThresholds thresholds) {

  public StudiedModel(
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

  /** The autoencoder there; its absence is a mistake of the caller's. */
  public SparseAutoencoder sae(HookPoint at) {
    SparseAutoencoder sae = saes.get(at);
    if (sae == null) {
      throw new IllegalStateException("no autoencoder at " + at.name());
    }
    return sae;
  }
}
