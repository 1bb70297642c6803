package org.refusal.attribution;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import org.refusal.circuit.HookPoint;
import org.refusal.model.Hook;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.model.Prefix;
import org.refusal.model.TokenBatch;
import org.refusal.subject.BatchBaseline;
import org.refusal.subject.Captures;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Autograd;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * Some prompts, padded to one length, with the baseline of every token. What is the same for all hook points is computed
 * once: the metric, and the gradient at the clean point for all hook points by a single backward pass.
 */
public final class AttributedBatch implements AutoCloseable {
  private final StudiedModel model;
  private final List<PromptTokens> prompts;
  private final TokenBatch tokens;
  private final SortedSet<HookPoint> points;
  private final BatchBaseline baseline;
  private final Map<HookPoint, NDArray> cleanGradients = new LinkedHashMap<>();
  private double[] metric;

  public AttributedBatch(StudiedModel model, List<PromptTokens> prompts) {
    this.model = model;
    this.prompts = List.copyOf(prompts);
    this.tokens = Captures.batch(prompts, model.padId());
    this.points = new TreeSet<>(model.saes().keySet());
    this.baseline = model.baseline().align(prompts, points);
  }

  StudiedModel model() {
    return model;
  }

  public List<PromptTokens> prompts() {
    return prompts;
  }

  TokenBatch tokens() {
    return tokens;
  }

  BatchBaseline baseline() {
    return baseline;
  }

  /** m of every prompt as it is {@code [batch]}. */
  public double[] metric() {
    if (metric == null) {
      try (Memory.Scope scope = Memory.scope()) {
        metric =
            doubles(model.metric().apply(model.lm().forward(tokens, Hooks.none(), LogitsAt.LAST)));
      }
      checkMetric(metric);
    }
    return metric.clone();
  }

  /** The batch at one hook point; opened in, and closed with, the caller's memory scope. */
  public HookedBatch at(HookPoint point) {
    return new HookedBatch(this, point);
  }

  /** dm/da at the clean point {@code [batch, pos, d_model]}; one forward and one backward pass for all hook points. */
  NDArray cleanGradient(HookPoint at) {
    if (cleanGradients.isEmpty()) {
      computeCleanGradients();
    }
    return cleanGradients.get(at);
  }

  private void computeCleanGradients() {
    HookPoint first = points.first();
    try (Memory.Scope scope = Memory.scope();
        Prefix prefix = model.lm().prefix(tokens, first, Hooks.none());
        Autograd tape = Autograd.record()) {
      Map<HookPoint, NDArray> recorded = new LinkedHashMap<>();
      recorded.put(first, tape.watch(prefix.activation()));
      Map<HookPoint, Hook> hooks = new LinkedHashMap<>();
      for (HookPoint point : points) {
        if (!point.equals(first)) {
          hooks.put(
              point,
              (activation, at) -> {
                recorded.put(at, activation);
                return activation;
              });
        }
      }
      NDArray m =
          model.metric().apply(model.lm().suffix(prefix, recorded.get(first), new Hooks(hooks), LogitsAt.LAST));
      metric = doubles(m);
      checkMetric(metric);
      List<NDArray> gradients = tape.gradients(m.sum(), new ArrayList<>(recorded.values()));
      int next = 0;
      for (HookPoint point : recorded.keySet()) {
        cleanGradients.put(point, Memory.own(gradients.get(next++)));
      }
    }
  }

  private void checkMetric(double[] values) {
    for (int row = 0; row < values.length; row++) {
      if (!Double.isFinite(values[row])) {
        throw org.refusal.base.UserException.badData(
            "prompt %s: the metric is %s".formatted(prompts.get(row).id(), values[row]),
            "use model.torch_dtype: float32");
      }
    }
  }

  /** Values in float64 on the host. */
  static double[] doubles(NDArray values) {
    return TorchOps.cast(values, DataType.FLOAT64).toDoubleArray();
  }

  @Override
  public void close() {
    cleanGradients.values().forEach(NDArray::close);
    baseline.close();
  }
}
