package org.refusal.attribution;

import java.util.Map;
import java.util.TreeMap;
import org.refusal.circuit.HookPoint;

/** Running mean over prompts of the effects of all nodes, float64. Memory O(d_sae) per hook point. */
final class MeanEffects {
  private final Map<HookPoint, double[]> latents = new TreeMap<>(); // sums [d_sae]
  private final Map<HookPoint, Double> errors = new TreeMap<>();
  private long prompts;

  MeanEffects(Map<HookPoint, Integer> latentCounts) {
    latentCounts.forEach(
        (at, dSae) -> {
          latents.put(at, new double[dSae]);
          errors.put(at, 0.0);
        });
  }

  void add(PromptAttribution attribution) {
    prompts++;
    attribution
        .byPoint()
        .forEach(
            (at, point) -> {
              double[] sums = latents.get(at);
              NodeEffects nodes = point.nodes();
              for (int i = 0; i < nodes.latents().length; i++) {
                sums[nodes.latents()[i]] += nodes.total()[i];
              }
              errors.merge(at, nodes.error(), Double::sum);
            });
  }

  long prompts() {
    return prompts;
  }

  Iterable<HookPoint> hookPoints() {
    return latents.keySet();
  }

  double[] latents(HookPoint at) {
    double[] means = latents.get(at).clone();
    for (int i = 0; i < means.length; i++) {
      means[i] /= prompts;
    }
    return means;
  }

  double error(HookPoint at) {
    return errors.get(at) / prompts;
  }
}
