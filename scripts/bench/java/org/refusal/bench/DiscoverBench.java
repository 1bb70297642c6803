package org.refusal.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.attribution.AttributedBatch;
import org.refusal.attribution.EffectEstimator;
import org.refusal.attribution.ExactPatching;
import org.refusal.attribution.HookedBatch;
import org.refusal.attribution.IntegratedGradients;
import org.refusal.attribution.NodeEffects;
import org.refusal.attribution.StepRule;
import org.refusal.attribution.UnsharedGradients;
import org.refusal.circuit.HookPoint;
import org.refusal.model.RefusalMetric;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.subject.PairedBaseline;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.SinkThresholds;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Memory;

/** Effects of all latents of all hook points, per prompt. */
final class DiscoverBench implements Benchmark {
  private static final Option PROMPTS = Option.prompts(32);
  private static final Option BATCH = Option.number("--batch", 8, "Prompts run at once.");
  private static final Option HOOKS = Option.number("--hook-points", 4, "Residual-stream hook points.");
  private static final Option STEPS = Option.number("--ig-steps", 10, "Steps N of integrated gradients.");
  private static final Option D_SAE = Option.number("--d-sae", 512, "Latents of each (untrained) autoencoder.");
  private static final Option K = Option.number("--k", 16, "Active latents per token.");
  private static final Option BASELINE = Option.number("--baseline-prompts", 4, "Prompts that step-by-step gradients run on.");
  private static final Option NODES = Option.number("--edge-nodes", 8, "Latents at each hook point between which edges are estimated.");
  private static final Option COSTS = Option.number("--cost-prompts", 8, "Prompts on which costs are measured in forward passes.");
  private static final Option EXACT = Option.number("--exact-prompts", 1, "Prompts that exact patching runs on.");

  @Override
  public String name() {
    return "discover";
  }

  @Override
  public String summary() {
    return "Seconds per prompt for all effects (ig): batched above the hook point against step by step through the whole"
        + " model, and against patching every latent.";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.MODEL, PROMPTS, BATCH, HOOKS, STEPS, D_SAE, K, BASELINE, EXACT, NODES, COSTS, Option.DEVICE,
        Option.THREADS, Option.SEED);
  }

  @Override
  public Result run(Arguments arguments) {
    int steps = arguments.count(STEPS);
    int batch = arguments.count(BATCH);
    try (Subject subject = Subject.open(arguments, PROMPTS)) {
      List<PromptTokens> all = subject.promptTokens();
      List<PromptTokens> harmful =
          all.stream().filter(PromptTokens::harmful).sorted(Comparator.comparingInt(PromptTokens::length)).toList();
      List<PromptTokens> pool = all.stream().filter(prompt -> !prompt.harmful()).toList();
      Map<HookPoint, SparseAutoencoder> saes =
          RandomSaes.at(
              subject.hookPoints(arguments.count(HOOKS)), subject.lm(), arguments.count(D_SAE), arguments.count(K),
              arguments.count(Option.SEED));
      Partners partners = new Partners(pool, arguments.count(Option.SEED));
      StudiedModel model =
          new StudiedModel(
              subject.lm(), new RefusalMetric(new int[] {3}), subject.padId(), saes,
              new PairedBaseline(subject.lm(), subject.padId(), partners, saes, SinkThresholds.none()),
              SinkThresholds.none());
      EffectEstimator ig = new IntegratedGradients(steps, StepRule.MIDPOINT, true);
      List<PromptTokens> some = spread(harmful, arguments.count(BASELINE));
      List<PromptTokens> few = spread(harmful, arguments.count(EXACT));
      estimate(model, ig, some.subList(0, 1), 1); // warm-up
      UnsharedGradients.estimate(model, some.get(0), 1);
      int nodes = arguments.count(NODES);
      DiscoverCosts.measure(model, ig, some.subList(0, 1), 1, nodes);

      Map<String, Double> mine = new LinkedHashMap<>();
      double ours = Timing.seconds(() -> mine.putAll(estimate(model, ig, harmful, batch)));
      Map<String, Double> theirs = new LinkedHashMap<>();
      double unshared =
          Timing.seconds(
              () -> some.forEach(prompt -> put(theirs, prompt, UnsharedGradients.estimate(model, prompt, steps))));
      double exact = Timing.seconds(() -> estimate(model, new ExactPatching(64), few, 1));
      DiscoverCosts costs =
          DiscoverCosts.measure(model, ig, spread(harmful, arguments.count(COSTS)), batch, nodes);
      double apart = 0;
      for (Map.Entry<String, Double> entry : theirs.entrySet()) {
        double scale = Math.max(1e-3, Math.abs(entry.getValue()));
        apart = Math.max(apart, Math.abs(mine.get(entry.getKey()) - entry.getValue()) / scale);
      }
      saes.values().forEach(SparseAutoencoder::close);
      double perPrompt = ours / harmful.size();
      return new Result(
          List.of(
              Row.time("effects by ig against step by step through the whole model", perPrompt,
                  unshared / some.size(), "s/prompt"),
              Row.time("effects by ig against exact patching of every latent", perPrompt, exact / few.size(),
                  "s/prompt")),
          List.of(
              "%s; %d of them attributed, batch %d, N %d, %d latents, k %d, at %s"
                  .formatted(
                      subject.description(), harmful.size(), batch, steps, arguments.count(D_SAE),
                      arguments.count(K), model.hookPoints()),
              costs.describe(model, steps, nodes),
              "sums of effects of both ig sides differ by %.1e of their size at most, on %d prompts; exact patching on %d"
                  .formatted(apart, some.size(), few.size())));
    }
  }

  private static List<PromptTokens> spread(List<PromptTokens> sorted, int count) {
    int n = Math.min(count, sorted.size());
    List<PromptTokens> chosen = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      chosen.add(sorted.get((int) ((2L * i + 1) * sorted.size() / (2 * n))));
    }
    return chosen;
  }

  /** Sum of the effects by prompt and hook point. */
  private static Map<String, Double> estimate(
      StudiedModel model, EffectEstimator estimator, List<PromptTokens> prompts, int batch) {
    Map<String, Double> sums = new LinkedHashMap<>();
    for (int from = 0; from < prompts.size(); from += batch) {
      List<PromptTokens> part = prompts.subList(from, Math.min(prompts.size(), from + batch));
      try (Memory.Scope scope = Memory.scope();
          AttributedBatch attributed = new AttributedBatch(model, part)) {
        for (HookPoint at : model.hookPoints()) {
          try (Memory.Scope inner = Memory.scope();
              HookedBatch hooked = attributed.at(at)) {
            List<NodeEffects> effects = estimator.estimate(hooked);
            for (int r = 0; r < part.size(); r++) {
              put(sums, part.get(r), Map.of(at, effects.get(r)));
            }
          }
        }
      }
    }
    return sums;
  }

  private static void put(Map<String, Double> sums, PromptTokens prompt, Map<HookPoint, NodeEffects> effects) {
    effects.forEach((at, nodes) -> sums.put(prompt.id() + " " + at.name(), nodes.sum()));
  }
}
