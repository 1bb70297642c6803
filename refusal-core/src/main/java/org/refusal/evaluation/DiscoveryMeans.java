package org.refusal.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.circuit.HookPoint;
import org.refusal.subject.Captures;
import org.refusal.subject.Precision;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * Means over a set of discovery prompts at one hook point, sinks left out, in float64.
 *
 * @param postInstruction mean activation over the post-instruction tokens {@code [d_model]}; empty where all of them are sinks
 * @param activity mean of every latent over all tokens {@code [d_sae]}; empty where there is no SAE
 */
public record DiscoveryMeans(double[] postInstruction, double[] activity) {

  /** One forward pass per prompt, up to the last hook point. */
  public static Map<HookPoint, DiscoveryMeans> over(
      PatchedRuns runs, List<PromptTokens> prompts, Collection<HookPoint> points) {
    Map<HookPoint, Sum> sums = new LinkedHashMap<>();
    points.forEach(point -> sums.put(point, new Sum()));
    for (List<Integer> chunk : runs.byLength(prompts)) {
      add(runs.model(), prompts, chunk, sums);
    }
    Map<HookPoint, DiscoveryMeans> means = new LinkedHashMap<>();
    sums.forEach((at, sum) -> means.put(at, sum.means()));
    return means;
  }

  /** Whether there is a post-instruction token that is no sink, so that the difference of means is defined. */
  public boolean hasPostInstruction() {
    return postInstruction.length > 0;
  }

  /**
   * Refused harmful less answered safe: the difference-of-means direction (Arditi et al. 2024), one row, or none where one of
   * the means does not exist or both are the same.
   */
  public static double[][] difference(DiscoveryMeans refused, DiscoveryMeans answered) {
    if (!refused.hasPostInstruction() || !answered.hasPostInstruction()) {
      return new double[0][];
    }
    double[] difference = refused.postInstruction.clone();
    for (int i = 0; i < difference.length; i++) {
      difference[i] -= answered.postInstruction[i];
    }
    return Directions.unit(difference);
  }

  private static void add(
      StudiedModel model, List<PromptTokens> prompts, List<Integer> chunk, Map<HookPoint, Sum> sums) {
    List<PromptTokens> chosen = chunk.stream().map(prompts::get).toList();
    Map<HookPoint, Sum> parts = new LinkedHashMap<>();
    try (Memory.Scope scope = Memory.scope();
        Captures captures =
            Captures.of(model.lm(), Captures.batch(chosen, model.padId()), sums.keySet())) {
      for (HookPoint at : sums.keySet()) {
        Sum part = new Sum();
        for (int r = 0; r < chosen.size(); r++) {
          part.addPrompt(model, at, Precision.toWorking(captures.row(at, r)), chosen.get(r));
        }
        parts.put(at, part);
      }
    } catch (RuntimeException e) {
      PatchedRuns.halve(e, chunk, half -> add(model, prompts, half, sums));
      return;
    }
    parts.forEach((at, part) -> sums.get(at).add(part));
  }

  private static final class Sum {
    private double[] postInstruction = new double[0];
    private double[] activity = new double[0];
    private long postTokens;
    private long tokens;

    private void addPrompt(StudiedModel model, HookPoint at, NDArray x, PromptTokens prompt) {
      boolean[] sinks = model.thresholds().mask(at, x);
      double[] post = new double[sinks.length];
      double[] all = new double[sinks.length];
      for (int t = 0; t < sinks.length; t++) {
        all[t] = sinks[t] ? 0 : 1;
        post[t] = t >= prompt.userTo() ? all[t] : 0;
        tokens += (long) all[t];
        postTokens += (long) post[t];
      }
      postInstruction = plus(postInstruction, weightedSum(x, post));
      if (model.saes().containsKey(at)) {
        activity = plus(activity, weightedSum(model.sae(at).encodeDense(x), all));
      }
    }

    private static double[] weightedSum(NDArray rows, double[] weights) {
      NDArray weight = rows.getManager().create(weights, new ai.djl.ndarray.types.Shape(1, weights.length));
      return weight.matMul(TorchOps.cast(rows, DataType.FLOAT64)).toDoubleArray();
    }

    private void add(Sum other) {
      postInstruction = plus(postInstruction, other.postInstruction);
      activity = plus(activity, other.activity);
      tokens += other.tokens;
      postTokens += other.postTokens;
    }

    private static double[] plus(double[] a, double[] b) {
      if (a.length == 0) {
        return b;
      }
      double[] sum = a.clone();
      for (int i = 0; i < b.length; i++) {
        sum[i] += b[i];
      }
      return sum;
    }

    private DiscoveryMeans means() {
      return new DiscoveryMeans(
          postTokens == 0 ? new double[0] : divided(postInstruction, postTokens), divided(activity, tokens));
    }

    private static double[] divided(double[] sum, long count) {
      return java.util.Arrays.stream(sum).map(v -> v / count).toArray();
    }
  }
}
