package org.refusal.attribution;

import ai.djl.ndarray.NDArray;
import java.util.List;

/**
 * Attribution patching (Nanda 2023; Syed et al. 2023): the first-order estimate IE_i = sum over t of (dm/da_t · W_dec_i)
 * (f̄_i - f_i,t) with the gradient at the clean point. One forward and one backward pass for all hook points. Blind where
 * the clean point is saturated: look at its completeness.
 */
public record AttributionPatching() implements EffectEstimator {
  @Override
  public String name() {
    return "atp";
  }

  @Override
  public boolean splitsSides() {
    return true;
  }

  @Override
  public List<NodeEffects> estimate(HookedBatch batch) {
    List<NDArray> gradients = batch.cleanGradients();
    return GradientEffects.of(batch, gradients, gradients);
  }
}
