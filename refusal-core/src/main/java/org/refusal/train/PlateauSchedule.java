package org.refusal.train;

/**
 * Halves the learning rate when the loss has not fallen for more than five epochs: PyTorch's ReduceLROnPlateau with mode
 * min, factor 0.5, patience 5, relative threshold 1e-4, no cooldown; a cut of 1e-8 or less is not made.
 */
final class PlateauSchedule {
  private static final double FACTOR = .5;
  private static final int PATIENCE = 5;
  private static final double THRESHOLD = 1e-4;
  private static final double SMALLEST_CUT = 1e-8;

  private double learningRate;
  private double best = Double.POSITIVE_INFINITY;
  private int epochsWithoutGain;

  PlateauSchedule(double learningRate) {
    this.learningRate = learningRate;
  }

  double learningRate() {
    return learningRate;
  }

  /** Takes the loss of an epoch; returns the learning rate of the next. */
  double after(double loss) {
    if (loss < best * (1 - THRESHOLD)) {
      best = loss;
      epochsWithoutGain = 0;
    } else {
      epochsWithoutGain++;
    }
    if (epochsWithoutGain > PATIENCE) {
      double reduced = learningRate * FACTOR;
      if (learningRate - reduced > SMALLEST_CUT) {
        learningRate = reduced;
      }
      epochsWithoutGain = 0;
    }
    return learningRate;
  }
}
