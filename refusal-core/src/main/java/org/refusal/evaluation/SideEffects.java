package org.refusal.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.model.TokenBatch;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * What an intervention does to prompts that it should leave alone (docs/evaluation.md): on safe prompts, per prompt, nats.
 *
 * @param kl mean over tokens of KL(whole model || patched model) of the next-token distributions
 * @param klLast the same at the last prompt position, where the answer begins
 * @param crossEntropy mean over tokens of - log p(next prompt token), patched model
 * @param crossEntropyModel the same of the whole model
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record SideEffects(double[] kl, double[] klLast, double[] crossEntropy, double[] crossEntropyModel) {

  /** Two forward passes per prompt with logits at every token; float64 reductions. */
  public static SideEffects measure(PatchedRuns runs, List<PromptTokens> safe, Intervention intervention) {
    int n = safe.size();
    SideEffects effects = new SideEffects(new double[n], new double[n], new double[n], new double[n]);
    for (List<Integer> chunk : runs.byLength(safe)) {
      effects.fill(runs, safe, chunk, intervention);
    }
    return effects;
  }

  private void fill(PatchedRuns runs, List<PromptTokens> safe, List<Integer> chunk, Intervention intervention) {
    List<PromptTokens> chosen = chunk.stream().map(safe::get).toList();
    StudiedModel model = runs.model();
    try (Memory.Scope scope = Memory.scope();
        PatchedBatch batch = new PatchedBatch(model, chosen, intervention.byPoint().keySet())) {
      TokenBatch tokens = batch.tokens();
      NDArray clean = model.lm().forward(tokens, Hooks.none(), LogitsAt.ALL); // [batch, pos, vocab]
      NDArray patched = model.lm().forward(tokens, batch.hooks(List.of(intervention)), LogitsAt.ALL);
      for (int r = 0; r < chosen.size(); r++) {
        try (Memory.Scope row = Memory.scope()) {
          String unpadded = "%d:".formatted(tokens.padding(r));
          ofPrompt(chunk.get(r), logProbabilities(clean.get(r).get(unpadded)),
              logProbabilities(patched.get(r).get(unpadded)), chosen.get(r).ids());
        }
      }
    } catch (RuntimeException e) {
      PatchedRuns.halve(e, chunk, part -> fill(runs, safe, part, intervention));
    }
  }

  private static NDArray logProbabilities(NDArray logits) {
    return TorchOps.cast(logits, DataType.FLOAT64).logSoftmax(-1); // [T, vocab]
  }

  private void ofPrompt(int prompt, NDArray clean, NDArray patched, int[] ids) {
    double[] divergence = clean.exp().mul(clean.sub(patched)).sum(new int[] {1}).toDoubleArray();
    kl[prompt] = Resampled.mean(divergence);
    klLast[prompt] = divergence[divergence.length - 1];
    crossEntropy[prompt] = nextTokenLoss(patched, ids);
    crossEntropyModel[prompt] = nextTokenLoss(clean, ids);
  }

  private static double nextTokenLoss(NDArray logProbabilities, int[] ids) {
    if (ids.length < 2) {
      return Double.NaN;
    }
    long[] next = new long[ids.length - 1];
    for (int t = 0; t < next.length; t++) {
      next[t] = ids[t + 1];
    }
    NDArray index = logProbabilities.getManager().create(next, new Shape(next.length, 1));
    double[] chosen =
        logProbabilities.get("0:%d".formatted(next.length)).gather(index, 1).toDoubleArray();
    return -Resampled.mean(chosen);
  }
}
