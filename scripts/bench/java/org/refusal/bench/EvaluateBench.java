package org.refusal.bench;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import org.refusal.base.Seeds;
import org.refusal.circuit.HookPoint;
import org.refusal.evaluation.Intervention;
import org.refusal.evaluation.PatchedRuns;
import org.refusal.evaluation.Replacement;
import org.refusal.model.Generator;
import org.refusal.model.RefusalMetric;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.subject.PairedBaseline;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.SinkThresholds;
import org.refusal.subject.StudiedModel;

/** Patched runs: every intervention on every prompt. */
final class EvaluateBench implements Benchmark {
  private static final Option PROMPTS = Option.prompts(16);
  private static final Option BATCH = Option.number("--batch", 64, "Rows (prompts times interventions) run at once.");
  private static final Option INTERVENTIONS = Option.number("--interventions", 24, "Sets of latents that are replaced.");
  private static final Option LATENTS = Option.number("--latents", 16, "Latents in each set.");
  private static final Option D_SAE = Option.number("--d-sae", 512, "Latents of each (untrained) autoencoder.");
  private static final Option K = Option.number("--k", 16, "Active latents per token.");
  private static final Option TOKENS = Option.number("--new-tokens", 20, "Tokens that are generated under each intervention.");
  private static final Option BASELINE = Option.number("--baseline-prompts", 4, "Prompts that the baseline runs on.");

  @Override
  public String name() {
    return "evaluate";
  }

  @Override
  public String summary() {
    return "Interventions per second: batched over prompts and interventions with a shared prefix against one at a time.";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.MODEL, PROMPTS, BATCH, INTERVENTIONS, LATENTS, D_SAE, K, TOKENS, BASELINE, Option.DEVICE,
        Option.THREADS, Option.SEED);
  }

  @Override
  public Result run(Arguments arguments) {
    long seed = arguments.count(Option.SEED);
    try (Subject subject = Subject.open(arguments, PROMPTS)) {
      List<PromptTokens> all = subject.promptTokens();
      List<PromptTokens> harmful = all.stream().filter(PromptTokens::harmful).toList();
      List<PromptTokens> pool = all.stream().filter(prompt -> !prompt.harmful()).toList();
      List<HookPoint> points = subject.hookPoints(3);
      Map<HookPoint, SparseAutoencoder> saes =
          RandomSaes.at(points, subject.lm(), arguments.count(D_SAE), arguments.count(K), seed);
      StudiedModel model =
          new StudiedModel(
              subject.lm(), new RefusalMetric(new int[] {3}), subject.padId(), saes,
              new PairedBaseline(
                  subject.lm(), subject.padId(), new Partners(pool, seed), saes, SinkThresholds.none()),
              SinkThresholds.none());
      HookPoint middle = points.get(points.size() / 2);
      List<Row> rows = new ArrayList<>();
      double apart = 0;
      for (List<HookPoint> where : List.of(List.of(middle), points)) {
        List<Intervention> interventions = interventions(arguments, where, seed);
        Comparison comparison = compare(model, harmful, interventions, arguments);
        String at = where.size() == 1 ? "at " + middle.name() : "at " + where.size() + " hook points";
        rows.add(
            Row.rate("patched runs " + at + ", one at a time", comparison.ours(), comparison.baseline(), "runs/s"));
        apart = Math.max(apart, comparison.apart());
      }
      List<String> costs = new ArrayList<>();
      for (HookPoint at : points.subList(0, points.size() - 1)) {
        costs.add(cost(model, harmful, interventions(arguments, List.of(at), seed), at, arguments));
      }
      List<Intervention> few = interventions(arguments, List.of(middle), seed).subList(0, Math.min(8, arguments.count(INTERVENTIONS)));
      Comparison texts = texts(model, harmful, few, arguments);
      rows.add(
          Row.rate(
              "texts of %d tokens at %s, one at a time".formatted(arguments.count(TOKENS), middle.name()), texts.ours(),
              texts.baseline(), "texts/s"));
      costs.add(
          String.format(
              Locale.ROOT, "%.0f %% of the new tokens are the same on both sides", 100 * (1 - texts.apart())));
      saes.values().forEach(SparseAutoencoder::close);
      costs.addAll(
          List.of(
              "%s; %d of them patched, %d interventions, %d rows at once"
                  .formatted(
                      subject.description(), harmful.size(), arguments.count(INTERVENTIONS), arguments.count(BATCH)),
              "metrics of both sides differ by %.1e nats at most".formatted(apart)));
      return new Result(rows, costs);
    }
  }

  /** Patched runs at one hook point in plain forward passes of the same prompts in batches of as many rows, timed in turn. */
  private static String cost(
      StudiedModel model,
      List<PromptTokens> prompts,
      List<Intervention> interventions,
      HookPoint at,
      Arguments arguments) {
    PatchedRuns runs = new PatchedRuns(model, arguments.count(BATCH));
    List<PromptTokens> repeated = new ArrayList<>();
    interventions.forEach(intervention -> repeated.addAll(prompts));
    Timing timing =
        Timing.of(3, true, () -> runs.metric(prompts, interventions), () -> runs.clean(repeated));
    int layers = model.lm().config().layers();
    return String.format(
        Locale.ROOT,
        "a patched run at %s costs %.2f forward passes, partners and layers below included; %.2f of the layers lie above",
        at.name(), timing.ours() / timing.baseline(), (layers - 1.0 - at.layer()) / layers);
  }

  private static Comparison texts(
      StudiedModel model, List<PromptTokens> prompts, List<Intervention> interventions, Arguments arguments) {
    int newTokens = arguments.count(TOKENS);
    Generator generator = new Generator(model.lm(), List.of());
    PatchedRuns batched = new PatchedRuns(model, arguments.count(BATCH));
    PatchedRuns single = new PatchedRuns(model, 1);
    List<PromptTokens> some = prompts.subList(0, Math.min(prompts.size(), arguments.count(BASELINE)));
    int[][][][] found = new int[2][][][];
    double first = Timing.seconds(() -> found[0] = batched.generate(prompts, interventions, generator, newTokens));
    double second = Timing.seconds(() -> found[1] = single.generate(some, interventions, generator, newTokens));
    double apart = 0;
    for (int i = 0; i < found[1].length; i++) {
      for (int p = 0; p < some.size(); p++) {
        for (int t = 0; t < newTokens; t++) {
          apart += found[0][i][p][t] == found[1][i][p][t] ? 0 : 1;
        }
      }
    }
    int count = interventions.size();
    return new Comparison(
        (double) count * prompts.size() / first, (double) count * some.size() / second,
        apart / (count * some.size() * newTokens));
  }

  private record Comparison(double ours, double baseline, double apart) {}

  private static Comparison compare(
      StudiedModel model, List<PromptTokens> prompts, List<Intervention> interventions, Arguments arguments) {
    PatchedRuns batched = new PatchedRuns(model, arguments.count(BATCH));
    PatchedRuns single = new PatchedRuns(model, 1);
    List<PromptTokens> some = prompts.subList(0, Math.min(prompts.size(), arguments.count(BASELINE)));
    batched.metric(some, interventions.subList(0, 1)); // warm-up
    single.metric(some.subList(0, 1), interventions.subList(0, 1));
    double[][][] ours = new double[1][][];
    double first = Timing.seconds(() -> ours[0] = batched.metric(prompts, interventions));
    double[][] alone = new double[interventions.size()][some.size()];
    double second =
        Timing.seconds(
            () -> {
              for (int i = 0; i < interventions.size(); i++) {
                for (int p = 0; p < some.size(); p++) {
                  alone[i][p] = single.metric(List.of(some.get(p)), List.of(interventions.get(i)))[0][0];
                }
              }
            });
    double apart = 0;
    for (int i = 0; i < alone.length; i++) {
      for (int p = 0; p < some.size(); p++) {
        apart = Math.max(apart, Math.abs(alone[i][p] - ours[0][i][p]));
      }
    }
    double runs = (double) interventions.size() * prompts.size();
    return new Comparison(runs / first, (double) interventions.size() * some.size() / second, apart);
  }

  private static List<Intervention> interventions(Arguments arguments, List<HookPoint> points, long seed) {
    List<Intervention> interventions = new ArrayList<>();
    int dSae = arguments.count(D_SAE);
    for (int i = 0; i < arguments.count(INTERVENTIONS); i++) {
      SplittableRandom random = Seeds.random(seed, "intervention", Integer.toString(i));
      BitSet latents = new BitSet();
      for (int j = 0; j < arguments.count(LATENTS); j++) {
        latents.set(random.nextInt(dSae));
      }
      interventions.add(Intervention.at("set " + i, points, new Replacement.Nodes(latents, false)));
    }
    return interventions;
  }
}
