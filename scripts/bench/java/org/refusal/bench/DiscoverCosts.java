package org.refusal.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.refusal.attribution.AttributedBatch;
import org.refusal.attribution.AttributionPatching;
import org.refusal.attribution.EdgeEstimator;
import org.refusal.attribution.EffectEstimator;
import org.refusal.attribution.HookedBatch;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.subject.Captures;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Memory;

/**
 * What attribution costs in plain forward passes of the same prompts in the same batches, timed batch by batch in turn.
 *
 * @param effects ig at all hook points
 * @param patching atp at all hook points, baseline included
 * @param edges causal edges between all adjacent hook points, given the clean gradients
 */
record DiscoverCosts(double forward, double effects, double patching, double edges) {

  /** @param nodes at each hook point, between which edges are estimated */
  static DiscoverCosts measure(
      StudiedModel model, EffectEstimator ig, List<PromptTokens> prompts, int batch, int nodes) {
    double[] seconds = new double[4];
    for (int from = 0; from < prompts.size(); from += batch) {
      List<PromptTokens> part = prompts.subList(from, Math.min(prompts.size(), from + batch));
      try (Memory.Scope scope = Memory.scope();
          AttributedBatch attributed = new AttributedBatch(model, part)) {
        seconds[0] +=
            Timing.seconds(
                () ->
                    model.lm().forward(Captures.batch(part, model.padId()), Hooks.none(), LogitsAt.LAST).toFloatArray());
        seconds[2] += Timing.seconds(() -> effects(model, new AttributionPatching(), attributed));
        seconds[1] += Timing.seconds(() -> effects(model, ig, attributed));
        seconds[3] += Timing.seconds(() -> edges(model, attributed, nodes));
      }
    }
    return new DiscoverCosts(seconds[0], seconds[1], seconds[2], seconds[3]);
  }

  private static void effects(StudiedModel model, EffectEstimator estimator, AttributedBatch attributed) {
    for (HookPoint at : model.hookPoints()) {
      try (Memory.Scope inner = Memory.scope();
          HookedBatch hooked = attributed.at(at)) {
        estimator.estimate(hooked);
      }
    }
  }

  private static void edges(StudiedModel model, AttributedBatch attributed, int nodes) {
    List<HookPoint> points = model.hookPoints();
    for (int u = 0; u + 1 < points.size(); u++) {
      new EdgeEstimator(some(points.get(u), nodes), some(points.get(u + 1), nodes)).weights(attributed);
    }
  }

  private static List<Node> some(HookPoint at, int nodes) {
    return new ArrayList<>(IntStream.range(0, nodes).mapToObj(latent -> new LatentNode(at, latent)).toList());
  }

  String describe(StudiedModel model, int steps, int nodes) {
    List<HookPoint> points = model.hookPoints();
    double layers = model.lm().config().layers();
    double above = 0;
    double predicted = 0;
    for (int u = 0; u < points.size(); u++) {
      double share = (layers - 1 - points.get(u).layer()) / layers;
      above += share;
      if (u + 1 < points.size()) {
        predicted += share + nodes * 2 * (points.get(u + 1).layer() - points.get(u).layer()) / layers;
      }
    }
    return String.format(
        Locale.ROOT,
        "in forward passes of the same batches, measured (counted): ig %.1f (%.1f), atp %.2f (4.00 with the"
            + " baseline), edges %.2f (%.2f) with %d nodes at each of %d hook points",
        effects / forward, 3 * steps * above, patching / forward, edges / forward, predicted, nodes, points.size());
  }
}
