package org.refusal.attribution;

import java.util.Map;
import org.refusal.circuit.HookPoint;
import org.refusal.subject.PromptTokens;

/**
 * What the attribution of one prompt gives.
 *
 * @param metric m of the prompt as it is
 * @param partnerMetric m of its partner, whatever the baseline; NaN without partners
 */
public record PromptAttribution(PromptTokens prompt, double metric, double partnerMetric, Map<HookPoint, AtPoint> byPoint) {
  public PromptAttribution {
    byPoint = Map.copyOf(byPoint);
  }

  /**
   * At one hook point.
   *
   * @param effect difference and gradient of the effect form (docs/evaluation.md)
   * @param baselineMetric m with every token but the sinks set to its baseline there
   * @param sinks tokens left alone
   */
  public record AtPoint(NodeEffects nodes, EffectForm effect, double baselineMetric, int sinks) {}
}
