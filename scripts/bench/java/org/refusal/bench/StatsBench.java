package org.refusal.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.refusal.base.Seeds;
import org.refusal.circuit.HookPoint;
import org.refusal.config.Binder;
import org.refusal.config.StatsConfig;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.Permutations;
import org.refusal.stats.Resampling;
import org.refusal.stats.SeparationTest;
import org.refusal.stats.SparseRows;
import org.refusal.torch.Memory;
import org.refusal.verdict.SharingEvidence;
import org.refusal.verdict.SharingMeasures;

/** All statistics over stored attributions. */
final class StatsBench implements Benchmark {
  private static final Option PERMUTATIONS = Option.number("--permutations", 5000, "Permutations of every test.");
  private static final Option BOOTSTRAP = Option.number("--bootstrap", 1000, "Bootstrap resamples.");
  private static final Option CATEGORIES = Option.number("--categories", 10, "Categories.");
  private static final Option PROMPTS = Option.number("--prompts", 150, "Prompts per category.");
  private static final Option LAYERS = Option.number("--layers", 11, "Hook points.");
  private static final Option D_SAE = Option.number("--d-sae", 8192, "Latents per hook point.");
  private static final Option ACTIVE = Option.number("--active", 400, "Latents with an effect per prompt and hook point.");
  private static final Option BASELINE =
      Option.number("--baseline-permutations", 20, "Permutations that the baseline does; its time is scaled to all.");

  @Override
  public String name() {
    return "stats";
  }

  @Override
  public String summary() {
    return "Seconds for the permutation tests: Gram matrices against recomputing category means from sparse rows.";
  }

  @Override
  public List<Option> options() {
    return List.of(
        PERMUTATIONS, BOOTSTRAP, CATEGORIES, PROMPTS, LAYERS, D_SAE, ACTIVE, BASELINE, Option.THREADS, Option.SEED);
  }

  @Override
  public Result run(Arguments arguments) {
    int threads = arguments.threads();
    int k = arguments.count(CATEGORIES);
    int perCategory = arguments.count(PROMPTS);
    int layers = arguments.count(LAYERS);
    int permutations = arguments.count(PERMUTATIONS);
    long seed = arguments.count(Option.SEED);
    int n = k * perCategory;
    int[] labels = new int[n];
    Arrays.setAll(labels, i -> i / perCategory);
    List<SparseRows> rows = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      rows.add(attributions(arguments, labels, Seeds.derive(seed, "layer", Integer.toString(layer))));
    }

    int[] strata = Permutations.terciles(IntStream.range(0, n).mapToDouble(i -> i * 7919L % 101).toArray());
    SeparationTest[] test = new SeparationTest[1];
    Resampling resampling = new Resampling(permutations, seed, threads);
    double oneTest =
        Timing.seconds(
            () ->
                test[0] =
                    SeparationTest.pairs(
                        GramMatrix.ofSparse(rows.get(0), threads), labels, k, strata, resampling));
    int fewer = Math.min(permutations, arguments.count(BASELINE));
    RecomputedMeans recomputed = new RecomputedMeans(rows.get(0), k);
    double[] nullValues = new double[fewer];
    double[] observed = new double[1];
    double one = Timing.seconds(() -> observed[0] = recomputed.separation(labels));
    double measured =
        Timing.seconds(
            () ->
                org.refusal.stats.Parallel.forEach(
                    fewer, threads,
                    draw ->
                        nullValues[draw] =
                            recomputed.separation(
                                Permutations.apply(labels, Permutations.within(n, strata, resampling.stream(draw))))));
    double baselineTest = measured / fewer * permutations;
    double apart = Math.abs(observed[0] - test[0].t());
    for (int draw = 0; draw < fewer; draw++) {
      apart = Math.max(apart, Math.abs(nullValues[draw] - test[0].nullValues()[draw]));
    }

    SharingMeasures[] all = new SharingMeasures[1];
    StatsConfig config = config(permutations, arguments.count(BOOTSTRAP), seed);
    double whole =
        Timing.seconds(() -> all[0] = SharingMeasures.run(evidence(rows, labels, k, threads, seed), config, threads));
    OptionalLong peak = Memory.peakResidentBytes();
    List<String> notes = new ArrayList<>();
    notes.add(
        "%d permutations, %d bootstrap resamples, %d categories of %d prompts, %d hook points, %d latents, %d with an effect, %d threads"
            .formatted(
                permutations, arguments.count(BOOTSTRAP), k, perCategory, layers, arguments.count(D_SAE),
                arguments.count(ACTIVE), threads));
    notes.add(
        "baseline: %d permutations measured (%.3f s; one alone %.3f s), scaled to %d; its statistics differ by %.1e at most"
            .formatted(fewer, measured, one, permutations, apart));
    notes.add(
        "all statistics: reliability, similarity with bootstrap, 5 permutation tests, topic (simple and partial Mantel),"
            + " at every hook point and pooled; baseline: one test's recomputation only, at every hook point");
    peak.ifPresent(bytes -> notes.add("peak resident memory %.2f GiB".formatted(bytes / (double) (1L << 30))));
    return new Result(
        List.of(
            Row.time("separation test at one hook point", oneTest, baselineTest, "s"),
            Row.time("all statistics at all hook points", whole, baselineTest * layers, "s")),
        notes);
  }

  private static StatsConfig config(int permutations, int bootstrap, long seed) {
    StatsConfig.Verdict thresholds = Binder.bind(StatsConfig.Verdict.class, Binder.empty(), name -> null);
    return new StatsConfig(null, new StatsConfig.Stats(List.of(), permutations, bootstrap, false, List.of()), thresholds, null, seed);
  }

  /** Half of a prompt's effects lie on latents of its category, half on others. */
  private static SparseRows attributions(Arguments arguments, int[] labels, long seed) {
    int dSae = arguments.count(D_SAE);
    int active = Math.min(arguments.count(ACTIVE), dSae);
    int[] starts = new int[labels.length + 1];
    int[] columns = new int[labels.length * active];
    float[] values = new float[columns.length];
    int k = arguments.count(CATEGORIES);
    for (int p = 0; p < labels.length; p++) {
      SplittableRandom random = Seeds.random(seed, "prompt", Integer.toString(p));
      boolean[] taken = new boolean[dSae];
      for (int j = 0; j < active; j++) {
        int column;
        do {
          column = random.nextInt(dSae);
        } while (taken[column] || 2 * j < active && active < dSae / (2 * k) && column % k != labels[p]);
        taken[column] = true;
        columns[p * active + j] = column;
        values[p * active + j] = (float) (-Math.log(1 - random.nextDouble()) * (j % 5 == 0 ? 1 : -1));
      }
      starts[p + 1] = (p + 1) * active;
    }
    return new SparseRows(dSae, starts, columns, values);
  }

  private static SharingEvidence evidence(List<SparseRows> rows, int[] labels, int k, int threads, long seed) {
    int n = labels.length;
    List<SharingEvidence.AtHookPoint> points = new ArrayList<>();
    for (int layer = 0; layer < rows.size(); layer++) {
      points.add(
          new SharingEvidence.AtHookPoint(
              HookPoint.residuals(layer), null, null, GramMatrix.ofSparse(rows.get(layer), threads), null,
              new double[k][0], Map.of()));
    }
    SplittableRandom random = Seeds.random(seed, "topics");
    double[][] topic = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < i; j++) {
        topic[i][j] = random.nextDouble();
        topic[j][i] = topic[i][j];
      }
    }
    int[] tokens = new int[n];
    Arrays.setAll(tokens, i -> 10 + i * 7 % 31);
    List<String> names = IntStream.range(0, k).mapToObj(i -> "category " + i).toList();
    return new SharingEvidence(
        "bench", names, labels, tokens, new double[] {1, 2}, new double[] {-1, -2}, new double[k][0], topic, points,
        List.of(), null, null);
  }
}
