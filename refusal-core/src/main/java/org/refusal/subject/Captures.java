package org.refusal.subject;

import ai.djl.ndarray.NDArray;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.refusal.circuit.HookPoint;
import org.refusal.model.CausalLm;
import org.refusal.model.Hook;
import org.refusal.model.Hooks;
import org.refusal.model.Prefix;
import org.refusal.model.TokenBatch;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/** Activations of one batch at several hook points, by one pass that ends at the last of them. */
public final class Captures implements AutoCloseable {
  private final TokenBatch batch;
  private final Map<HookPoint, NDArray> byPoint;

  private Captures(TokenBatch batch, Map<HookPoint, NDArray> byPoint) {
    this.batch = batch;
    this.byPoint = byPoint;
  }

  public static TokenBatch batch(List<PromptTokens> prompts, int padId) {
    return new TokenBatch(prompts.stream().map(PromptTokens::ids).toList(), padId);
  }

  public static Captures of(CausalLm lm, TokenBatch batch, Collection<HookPoint> points) {
    TreeSet<HookPoint> ordered = new TreeSet<>(points);
    HookPoint last = ordered.last();
    Map<HookPoint, NDArray> captured = new LinkedHashMap<>();
    Map<HookPoint, Hook> hooks = new LinkedHashMap<>();
    for (HookPoint point : ordered.headSet(last)) {
      hooks.put(
          point,
          (activation, at) -> {
            captured.put(at, kept(activation));
            return activation;
          });
    }
    try (Prefix prefix = lm.prefix(batch, last, new Hooks(hooks))) {
      captured.put(last, kept(prefix.activation()));
    }
    return new Captures(batch, captured);
  }

  /** Activations of one row without its padding {@code [T, d_model]}, in the model's dtype. */
  public NDArray row(HookPoint at, int row) {
    return byPoint.get(at).get(row).get("%d:".formatted(batch.padding(row)));
  }

  private static NDArray kept(NDArray activation) {
    return Memory.own(TorchOps.detach(activation));
  }

  @Override
  public void close() {
    byPoint.values().forEach(NDArray::close);
  }
}
