package org.refusal.attribution;

import java.util.List;

/**
 * Integrated gradients from the clean values to the baseline, one hook point at a time (Marks et al. 2024, equation 4;
 * Hanna et al. 2024). Along the path latents are a dense blend; TopK is not applied again.
 *
 * @param steps N; N forward and N backward passes above the hook point per path
 * @param joint whether latents and error move together (one path; effects then sum to the full effect as N grows) or one
 *     after the other with the rest fixed (two paths)
 */
public record IntegratedGradients(int steps, StepRule rule, boolean joint) implements EffectEstimator {
  public IntegratedGradients {
    if (steps < 1) {
      throw org.refusal.base.UserException.badConfig("circuit.ig_steps is " + steps + "; it must be at least 1");
    }
  }

  @Override
  public String name() {
    return "ig";
  }

  @Override
  public boolean splitsSides() {
    return true;
  }

  @Override
  public List<NodeEffects> estimate(HookedBatch batch) {
    if (joint) {
      var gradients = batch.averageGradients(StraightPath.JOINT, steps, rule);
      return GradientEffects.of(batch, gradients, gradients);
    }
    return GradientEffects.of(
        batch,
        batch.averageGradients(StraightPath.LATENTS, steps, rule),
        batch.averageGradients(StraightPath.ERROR, steps, rule));
  }
}
