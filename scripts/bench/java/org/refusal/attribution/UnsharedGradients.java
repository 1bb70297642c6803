package org.refusal.attribution;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.refusal.circuit.HookPoint;
import org.refusal.model.CausalLm;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Autograd;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * Integrated gradients as the formula is written: prompt by prompt, hook point by hook point, step by step, each by a
 * forward pass through the whole model and a backward pass. The same effects as {@link IntegratedGradients}.
 */
public final class UnsharedGradients {
  private UnsharedGradients() {}

  /** Effects at every hook point. */
  public static Map<HookPoint, NodeEffects> estimate(StudiedModel model, PromptTokens prompt, int steps) {
    Map<HookPoint, NodeEffects> effects = new TreeMap<>();
    for (HookPoint at : model.hookPoints()) {
      try (Memory.Scope scope = Memory.scope();
          AttributedBatch batch = new AttributedBatch(model, List.of(prompt));
          HookedBatch hooked = batch.at(at)) {
        NDArray delta = hooked.rows().get(0).delta(); // [T, d_model]
        NDArray sum = delta.zerosLike();
        for (double point : StepRule.MIDPOINT.points(steps)) {
          try (Memory.Scope inner = Memory.scope()) {
            NDArray gradient = gradient(model.lm(), model, batch, at, delta.mul(point));
            sum.addi(gradient);
          }
        }
        List<NDArray> mean = List.of(sum.div(steps));
        effects.put(at, GradientEffects.of(hooked, mean, mean).get(0));
      }
    }
    return effects;
  }

  private static NDArray gradient(
      CausalLm lm, StudiedModel model, AttributedBatch batch, HookPoint at, NDArray change) {
    try (Autograd tape = Autograd.record()) {
      NDArray[] leaf = new NDArray[1];
      Hooks hooks =
          Hooks.at(
              at,
              (activation, point) -> {
                leaf[0] = tape.watch(TorchOps.cast(activation.add(change.expandDims(0)), lm.dataType()));
                return leaf[0];
              });
      NDArray m = model.metric().apply(lm.forward(batch.tokens(), hooks, LogitsAt.LAST));
      return tape.gradients(m.sum(), List.of(leaf[0])).get(0).squeeze(0);
    }
  }
}
