package org.refusal.train;

import ai.djl.ndarray.NDManager;
import org.refusal.base.Workers;

/** Computes loss and gradients of an autoencoder on a batch, and updates its state; see docs/autoencoders.md. */
public interface TrainingStep extends AutoCloseable {
  /** Weight of the auxiliary loss (Gao et al. 2024, section A.2). */
  double AUX_WEIGHT = 1.0 / 32;

  /** Adam's decay of the mean gradient. */
  double BETA_1 = .9;

  /** Adam's decay of the mean square of the gradient. */
  double BETA_2 = .999;

  /** What Adam adds to the root of the mean square. */
  double EPSILON = 1e-8;

  /**
   * What a step saw, before it changed the weights.
   *
   * @param fvu the reconstruction term of the loss: FVU, or the original's mean square
   * @param auxFvu FVU of the residual's reconstruction from dead latents; 0 when none is dead
   * @param l0 active latents per token
   * @param dead latents that were dead
   */
  record Outcome(double loss, double fvu, double auxFvu, double l0, int dead, double gradientNorm) {}

  /**
   * The step of docs/autoencoders.md, made for the manager's device.
   *
   * @param parallel for what a CPU does beside libtorch
   */
  static TrainingStep topK(
      SaeState state, int k, double sparsityCoeff, long deadAfter, Workers parallel, NDManager manager) {
    return manager.getDevice().isGpu()
        ? new DeviceTrainingStep(state, k, sparsityCoeff, deadAfter, manager)
        : new SparseTrainingStep(
            state, SparseTrainingStep.Rules.TOP_K, k, sparsityCoeff, deadAfter, parallel, manager);
  }

  /**
   * Makes a step. When the loss is not finite, the weights stay as they are.
   *
   * @param x {@code [tokens, d_in]}
   */
  Outcome run(float[] x, int tokens, double learningRate);

  /**
   * Brings the {@link SaeState} up to date with the steps made; until then it may be older.
   *
   * @param finished no step will follow: Adam's moments may stay as they are
   */
  void store(boolean finished);

  /** Frees memory; what was not stored is lost. */
  @Override
  void close();
}
