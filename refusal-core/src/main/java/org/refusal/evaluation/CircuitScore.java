package org.refusal.evaluation;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * F of a circuit (docs/evaluation.md), m of every prompt: whole model M, circuit C, model without the circuit M\C, empty circuit.
 * Neither ratio is clamped.
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record CircuitScore(double[] model, double[] circuit, double[] complement, double[] empty) {
  /** Share of Delta that F(M) - F(∅) must reach for the ratios to mean anything. */
  public static final double SMALLEST_EFFECT = .3;

  /** (F(C) - F(∅)) / (F(M) - F(∅)) */
  public double faithfulness() {
    return ratio(circuit, all());
  }

  /** (F(M\C) - F(∅)) / (F(M) - F(∅)) */
  public double completeness() {
    return ratio(complement, all());
  }

  Resampled faithfulness(int bootstrap, SplittableRandom random) {
    return Resampled.bootstrap(new int[] {model.length}, bootstrap, random, chosen -> ratio(circuit, chosen[0]));
  }

  Resampled completeness(int bootstrap, SplittableRandom random) {
    return Resampled.bootstrap(new int[] {model.length}, bootstrap, random, chosen -> ratio(complement, chosen[0]));
  }

  private double ratio(double[] of, int[] chosen) {
    return Scores.ratio(model, of, empty, chosen);
  }

  private int[] all() {
    return Scores.all(model.length);
  }

  /** Why the ratios are undefined, if they are: F(M) - F(∅) is small beside Delta or within noise. */
  @JsonIgnore
  public Optional<String> undefined(double delta, int bootstrap, SplittableRandom random) {
    return Scores.undefined(model, empty, delta, bootstrap, random);
  }
}
