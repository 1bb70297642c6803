package org.refusal.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.annotation.JsonProperty;
import org.refusal.torch.TorchOps;

/**
 * The original project's scores of a circuit, clamps and all ({@code evaluation.legacy}). F is the log of the summed
 * probability of the refusal tokens at the last position. As these are logarithms, completeness is a ratio of two negative
 * numbers: removing a circuit that matters gives 1, removing one that hinders gives less. For reproducing earlier results;
 * draw no conclusions from it.
 *
 * @param model F(M)
 * @param circuit F(C), everything outside the circuit at the mean
 * @param complement F(M\C), the circuit at the mean
 * @param empty F of everything at the mean
 */
public record LegacyScores(
    @JsonProperty("F_M") double model,
    @JsonProperty("F_C") double circuit,
    @JsonProperty("F_M_minus_C") double complement,
    @JsonProperty("F_empty") double empty) {
  private static final double LEAST = 1e-8;

  /** (F(C) - F(∅)) / (F(M) - F(∅)) between 0 and 1; 0 where the divisor is 1e-8 or less; 1 where the ratio is no number. */
  @JsonProperty("faithfulness")
  public double faithfulness() {
    double gap = model - empty;
    return Math.abs(gap) > LEAST ? atLeast0(atMost1((circuit - empty) / gap)) : 0;
  }

  /** F(M\C) / F(M) between 0 and 1; 0 where the divisor is 1e-8 or less, or the ratio is no number. */
  @JsonProperty("completeness")
  public double completeness() {
    return Math.abs(model) > LEAST ? atMost1(atLeast0(complement / model)) : 0;
  }

  /** Python's min(1.0, x): 1 for NaN. */
  private static double atMost1(double x) {
    return x < 1 ? x : 1;
  }

  /** Python's max(0.0, x): 0 for NaN. */
  private static double atLeast0(double x) {
    return x > 0 ? x : 0;
  }

  /**
   * @param logits {@code [batch, vocab]}
   * @return log of the summed probability of the tokens {@code [batch]}, nats
   */
  public static double[] refusalScores(NDArray logits, int[] tokens) {
    try (NDArray wide = TorchOps.cast(logits, DataType.FLOAT64)) {
      int vocabulary = (int) wide.getShape().get(1);
      double[] values = wide.toDoubleArray();
      double[] scores = new double[values.length / vocabulary];
      for (int row = 0; row < scores.length; row++) {
        int from = row * vocabulary;
        double largest = Double.NEGATIVE_INFINITY;
        for (int v = 0; v < vocabulary; v++) {
          largest = Math.max(largest, values[from + v]);
        }
        double all = 0;
        for (int v = 0; v < vocabulary; v++) {
          all += Math.exp(values[from + v] - largest);
        }
        double some = 0;
        for (int token : tokens) {
          some += Math.exp(values[from + token] - largest);
        }
        scores[row] = Math.log(some) - Math.log(all);
      }
      return scores;
    }
  }
}
