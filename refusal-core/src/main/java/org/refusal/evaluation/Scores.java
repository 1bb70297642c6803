package org.refusal.evaluation;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;

/** The arithmetic of faithfulness and completeness. */
final class Scores {
  private Scores() {}

  /** (F(of) - F(∅)) / (F(M) - F(∅)) over the chosen prompts. */
  static double ratio(double[] model, double[] of, double[] empty, int[] chosen) {
    double floor = Resampled.mean(empty, chosen);
    return (Resampled.mean(of, chosen) - floor) / (Resampled.mean(model, chosen) - floor);
  }

  static int[] all(int n) {
    int[] all = new int[n];
    Arrays.setAll(all, p -> p);
    return all;
  }

  static Optional<String> undefined(
      double[] model, double[] empty, double delta, int bootstrap, SplittableRandom random) {
    Resampled effect =
        Resampled.bootstrap(
            new int[] {model.length},
            bootstrap,
            random,
            chosen -> Resampled.mean(model, chosen[0]) - Resampled.mean(empty, chosen[0]));
    if (Math.abs(effect.value()) < CircuitScore.SMALLEST_EFFECT * Math.abs(delta)) {
      return Optional.of(
          String.format(
              Locale.ROOT,
              "F(model) - F(empty) is %.3f, less than %.1f of the refusal gap %.3f",
              effect.value(),
              CircuitScore.SMALLEST_EFFECT,
              delta));
    }
    if (effect.contains(0)) {
      return Optional.of(
          String.format(
              Locale.ROOT,
              "F(model) - F(empty) is %.3f, within noise (%.3f to %.3f)",
              effect.value(),
              effect.low(),
              effect.high()));
    }
    return Optional.empty();
  }
}
