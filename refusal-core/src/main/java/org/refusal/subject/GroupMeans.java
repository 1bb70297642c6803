package org.refusal.subject;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.model.CausalLm;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * Means per position group over the tokens of many prompts at one hook point, every token counting the same, sinks left
 * out.
 *
 * @param counts tokens in each group {@code [groups]}; a group of 0 holds sinks only
 * @param latents f̄ {@code [groups, d_sae]}
 * @param error ē {@code [groups, d_model]}
 */
public record GroupMeans(long[] counts, NDArray latents, NDArray error) implements AutoCloseable {

  /**
   * Runs the prompts once; sums in float64, memory O(groups d_sae) per hook point.
   *
   * @param prompts the answered safe discovery prompts, all of one template
   * @param batchSize prompts run at once
   */
  public static Map<HookPoint, GroupMeans> over(
      CausalLm lm,
      int padId,
      Map<HookPoint, SparseAutoencoder> saes,
      List<PromptTokens> prompts,
      SinkThresholds thresholds,
      int batchSize) {
    if (prompts.isEmpty()) {
      throw UserException.badData(
          "no safe discovery prompt that the model answered: there is nothing to take a mean over",
          "collect more safe prompts, or use circuit.baseline: zero");
    }
    PromptTokens first = prompts.get(0);
    for (PromptTokens prompt : prompts) {
      if (prompt.before() != first.before() || prompt.after() != first.after()) {
        throw UserException.badData("prompts %s and %s do not share a template".formatted(first.id(), prompt.id()));
      }
    }
    Map<HookPoint, Sums> sums = new LinkedHashMap<>();
    saes.forEach((at, sae) -> sums.put(at, new Sums(lm.manager(), first.groupCount(), sae)));
    List<PromptTokens> sorted = prompts.stream().sorted(Comparator.comparingInt(PromptTokens::length)).toList();
    for (int from = 0; from < sorted.size(); from += batchSize) {
      List<PromptTokens> batch = sorted.subList(from, Math.min(sorted.size(), from + batchSize));
      try (Memory.Scope scope = Memory.scope();
          Captures captures = Captures.of(lm, Captures.batch(batch, padId), saes.keySet())) {
        for (int row = 0; row < batch.size(); row++) {
          int[] groups = batch.get(row).positionGroups();
          for (Map.Entry<HookPoint, Sums> entry : sums.entrySet()) {
            NDArray activation = captures.row(entry.getKey(), row);
            entry.getValue().add(activation, groups, thresholds.mask(entry.getKey(), activation));
          }
        }
      }
    }
    Map<HookPoint, GroupMeans> means = new LinkedHashMap<>();
    sums.forEach((at, sum) -> means.put(at, sum.means()));
    return means;
  }

  @Override
  public void close() {
    latents.close();
    error.close();
  }

  private static final class Sums {
    private final SparseAutoencoder sae;
    private final long[] counts;
    private final NDArray latents; // [groups, d_sae] float64
    private final NDArray error; // [groups, d_model] float64

    private Sums(NDManager manager, int groups, SparseAutoencoder sae) {
      this.sae = sae;
      this.counts = new long[groups];
      this.latents = Memory.own(manager.zeros(new Shape(groups, sae.dSae()), DataType.FLOAT64));
      this.error = Memory.own(manager.zeros(new Shape(groups, sae.dIn()), DataType.FLOAT64));
    }

    private void add(NDArray activation, int[] groups, boolean[] sinks) {
      double[] membership = new double[counts.length * groups.length];
      for (int t = 0; t < groups.length; t++) {
        if (!sinks[t]) {
          membership[groups[t] * groups.length + t] = 1;
          counts[groups[t]]++;
        }
      }
      NDArray oneHot = latents.getManager().create(membership, new Shape(counts.length, groups.length));
      LatentsAndError split = LatentsAndError.of(Precision.toWorking(activation), sae);
      latents.addi(oneHot.matMul(TorchOps.cast(split.latents(), DataType.FLOAT64)));
      error.addi(oneHot.matMul(TorchOps.cast(split.error(), DataType.FLOAT64)));
    }

    private GroupMeans means() {
      double[] divisors = new double[counts.length];
      for (int g = 0; g < divisors.length; g++) {
        divisors[g] = Math.max(1, counts[g]);
      }
      try (Memory.Scope scope = Memory.scope()) {
        NDArray divisor = latents.getManager().create(divisors, new Shape(divisors.length, 1));
        DataType working = sae.wDec().getDataType();
        NDArray meanLatents = Memory.own(TorchOps.cast(latents.div(divisor), working));
        NDArray meanError = Memory.own(TorchOps.cast(error.div(divisor), working));
        return new GroupMeans(counts, meanLatents, meanError);
      } finally {
        latents.close();
        error.close();
      }
    }
  }
}
