package org.refusal.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.refusal.torch.Memory;

/** How likely a model finds given tokens (natural logarithms), each seen after those before it (teacher forcing). */
public final class TokenProbabilities {
  private TokenProbabilities() {}

  /**
   * log p(token t | tokens before it) for t = 1 .. length - 1 of every row. One forward pass; memory is that of the
   * logits, batch x width x vocabulary.
   */
  public static List<double[]> of(CausalLm lm, TokenBatch batch, Hooks hooks) {
    int width = batch.width();
    long[] targets = new long[batch.size() * width];
    for (int row = 0; row < batch.size(); row++) {
      int[] ids = batch.rows().get(row);
      int padding = batch.padding(row);
      for (int t = 1; t < ids.length; t++) {
        targets[row * width + padding + t - 1] = ids[t];
      }
    }
    try (Memory.Scope scope = Memory.scope()) {
      NDArray logits = lm.forward(batch, hooks, LogitsAt.ALL);
      NDArray tokens = lm.manager().create(targets, new Shape(batch.size(), width));
      double[] all = DecoderScript.SCRIPT.tensor("log_probabilities", logits, tokens).toDoubleArray();
      List<double[]> rows = new ArrayList<>();
      for (int row = 0; row < batch.size(); row++) {
        int begin = row * width + batch.padding(row);
        rows.add(Arrays.copyOfRange(all, begin, begin + batch.length(row) - 1));
      }
      return rows;
    }
  }

  /** log p of every token of the continuation of each prompt. */
  public static List<double[]> ofContinuations(
      CausalLm lm, List<int[]> prompts, List<int[]> continuations, int padId, Hooks hooks) {
    List<int[]> rows = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      int[] row = Arrays.copyOf(prompts.get(i), prompts.get(i).length + continuations.get(i).length);
      System.arraycopy(continuations.get(i), 0, row, prompts.get(i).length, continuations.get(i).length);
      rows.add(row);
    }
    List<double[]> all = of(lm, new TokenBatch(rows, padId), hooks);
    List<double[]> result = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      result.add(Arrays.copyOfRange(all.get(i), prompts.get(i).length - 1, all.get(i).length));
    }
    return result;
  }

  /** Mean of -log p over the tokens after the first, for every row. NaN for a row of one token. */
  public static double[] crossEntropy(CausalLm lm, TokenBatch batch, Hooks hooks) {
    return of(lm, batch, hooks).stream()
        .mapToDouble(row -> -Arrays.stream(row).average().orElse(Double.NaN))
        .toArray();
  }
}
