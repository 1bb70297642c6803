package org.refusal.attribution;

import java.util.List;

/** Estimates by how much m changes when a node is set to its baseline (docs/attribution.md). */
public sealed interface EffectEstimator permits AttributionPatching, IntegratedGradients, ExactPatching {

  /** As in the config: atp, ig or exact. */
  String name();

  /** Whether effects are split into prompt side and partner side. */
  boolean splitsSides();

  /** Effects of all nodes of the hook point, one result per prompt of the batch. */
  List<NodeEffects> estimate(HookedBatch batch);
}
