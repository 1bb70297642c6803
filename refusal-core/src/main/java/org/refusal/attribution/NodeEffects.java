package org.refusal.attribution;

import java.util.Optional;

/**
 * Indirect effects of all nodes of one hook point on one prompt: by how much m (nats) changes when a node is set to its
 * baseline. Negative: the node drives refusal.
 *
 * @param latents active in the prompt or in its baseline, ascending
 * @param total effect of each of them
 * @param promptSide the part of it from tokens at which the latent is above its baseline; empty where the estimator
 *     cannot tell the sides apart
 * @param error effect of the SAE error node
 */
public record NodeEffects(int[] latents, double[] total, Optional<double[]> promptSide, double error) {

  public NodeEffects {
    if (latents.length != total.length || promptSide.isPresent() && promptSide.get().length != total.length) {
      throw new IllegalArgumentException("latents and effects differ in number");
    }
  }

  /** Sum over latents and error node. */
  public double sum() {
    double sum = error;
    for (double effect : total) {
      sum += effect;
    }
    return sum;
  }

  public double latentSum() {
    return sum() - error;
  }

  /** The effects of all latents {@code [dSae]}. */
  public double[] dense(int dSae) {
    double[] dense = new double[dSae];
    for (int i = 0; i < latents.length; i++) {
      dense[latents[i]] = total[i];
    }
    return dense;
  }
}
