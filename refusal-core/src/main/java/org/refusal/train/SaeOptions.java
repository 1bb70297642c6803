package org.refusal.train;

import org.refusal.base.UserException;
import org.refusal.config.TrainSaesConfig;

/**
 * How an autoencoder is trained: the configuration with every automatic value filled in.
 *
 * @param maxSamples at most so many training tokens; 0 for all
 * @param maxSteps at most so many steps; 0 for as many as the epochs give
 * @param deadAfter a latent is dead when it was not active for so many tokens
 * @param learningRate of Adam, after the warm-up
 * @param patience training stops when the FVU of a point of the history was not lowered so many times in a row; 0: never
 * @param windowBytes memory for the activations that wait to be trained on
 */
public record SaeOptions(
    int dSae,
    int k,
    double sparsityCoeff,
    long deadAfter,
    double sinkFactor,
    int epochs,
    int batchSize,
    long maxSamples,
    long maxSteps,
    boolean balanceSafeToxic,
    boolean useCategoryWeights,
    double learningRate,
    long windowBytes,
    int checkpointEvery,
    int patience,
    long seed) {

  public SaeOptions {
    atLeast("sae.hidden_dim", dSae, 1);
    atLeast("sae.k", k, 1);
    if (k > dSae) {
      throw UserException.badConfig("sae.k: %d is larger than sae.hidden_dim %d".formatted(k, dSae));
    }
    atLeast("sae.sparsity_coeff", sparsityCoeff, 0);
    atLeast("sae.dead_after", deadAfter, 1);
    atLeast("sae.sink_factor", sinkFactor, 1);
    atLeast("training.epochs", epochs, 1);
    atLeast("training.batch_size", batchSize, 2);
    atLeast("training.max_samples", maxSamples, 0);
    atLeast("training.max_steps", maxSteps, 0);
    atLeast("training.window_mib", windowBytes, 1);
    atLeast("training.checkpoint_every", checkpointEvery, 1);
    atLeast("training.patience", patience, 0);
    if (!(learningRate > 0 && learningRate < 1)) {
      throw UserException.badConfig("training.learning_rate: %s is not between 0 and 1".formatted(learningRate));
    }
  }

  private static void atLeast(String key, double value, double least) {
    if (!(value >= least)) {
      throw UserException.badConfig("%s: %s is less than %s".formatted(key, value, least));
    }
  }

  public static SaeOptions from(TrainSaesConfig config) {
    TrainSaesConfig.Sae sae = config.sae();
    TrainSaesConfig.Training training = config.training();
    int k = sae.k() != null ? sae.k() : (int) Math.max(1, Math.floor(sae.hiddenDim() * sae.kPercent()));
    return new SaeOptions(
        sae.hiddenDim(),
        k,
        sae.sparsityCoeff(),
        sae.deadAfter(),
        sae.sinkFactor(),
        training.epochs(),
        training.batchSize(),
        training.maxSamples(),
        training.maxSteps(),
        training.balanceSafeToxic(),
        training.useCategoryWeights(),
        learningRate(training.learningRate(), sae.hiddenDim(), sae.variant().equals("legacy")),
        (long) training.windowMib() << 20,
        training.checkpointEvery(),
        training.patience(),
        config.seed());
  }

  private static double learningRate(String text, int dSae, boolean legacy) {
    if (text.equals("auto")) {
      return legacy ? LegacySaeTrainer.LEARNING_RATE : automaticLearningRate(dSae);
    }
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw UserException.badConfig("training.learning_rate: '" + text + "' is neither auto nor a number");
    }
  }

  /** 2e-4 / sqrt(d_sae / 2^14), the scaling of Gao et al. 2024, figure 4. */
  public static double automaticLearningRate(int dSae) {
    return 2e-4 / Math.sqrt(dSae / 16384.0);
  }

  /** Linear warm-up over the first 5 % of the steps (1,000 at most), linear decay to zero over the last 20 %. */
  double learningRateAt(long step, long steps) {
    double warmUp = Math.max(1, Math.min(1000, Math.ceil(steps * .05)));
    double decay = Math.max(1, steps * .2);
    return learningRate * Math.min(1, (step + 1) / warmUp) * Math.min(1, (steps - step) / decay);
  }
}
