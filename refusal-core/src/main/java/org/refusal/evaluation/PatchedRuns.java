package org.refusal.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.model.CausalLm;
import org.refusal.model.Generator;
import org.refusal.model.Hooks;
import org.refusal.model.KvCache;
import org.refusal.model.LogitsAt;
import org.refusal.model.Prefix;
import org.refusal.model.TokenBatch;
import org.refusal.subject.Captures;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Memory;
import org.refusal.torch.OutOfMemory;
import org.refusal.torch.TorchOps;

/**
 * Prompts under interventions: their metric m, or the text that the model writes after them.
 *
 * <p>Cost for n prompts and K interventions: per set of hook points one pass over the prompts up to the first of them,
 * shared by all interventions at these hook points, then n K passes over the layers above it and the columns after the
 * template before the user's text (which a partner shares, so that nothing changes there), {@code batchSize} rows at a time; one pass
 * over the partners up to the last hook point where the baseline is paired, and one over the prompts where sinks are
 * known and several hook points are patched. Memory grows with {@code batchSize * tokens * d_sae}. When memory runs out, the batch is halved.
 *
 * @param batchSize rows run at once; changes no result beyond rounding
 */
public record PatchedRuns(StudiedModel model, int batchSize) {
  public PatchedRuns {
    if (batchSize < 1) {
      throw UserException.badConfig("evaluation.batch_size is " + batchSize + "; it must be at least 1");
    }
  }

  /** m of every prompt as the model is {@code [prompt]}, nats; n forward passes. */
  public double[] clean(List<PromptTokens> prompts) {
    double[] metrics = new double[prompts.size()];
    for (List<Integer> chunk : byLength(prompts)) {
      cleanChunk(prompts, chunk, metrics);
    }
    return metrics;
  }

  private void cleanChunk(List<PromptTokens> prompts, List<Integer> chunk, double[] metrics) {
    List<PromptTokens> chosen = chunk.stream().map(prompts::get).toList();
    try (Memory.Scope scope = Memory.scope()) {
      double[] m =
          doubles(
              model.metric().apply(
                  model.lm().forward(
                      Captures.batch(chosen, model.padId()), Hooks.none(), LogitsAt.LAST)));
      for (int i = 0; i < m.length; i++) {
        metrics[chunk.get(i)] = finite(m[i], chosen.get(i), "the whole model");
      }
    } catch (RuntimeException e) {
      halve(e, chunk, part -> cleanChunk(prompts, part, metrics));
    }
  }

  /** m of every prompt under every intervention {@code [intervention][prompt]}, nats. */
  public double[][] metric(List<PromptTokens> prompts, List<Intervention> interventions) {
    double[][] metrics = new double[interventions.size()][prompts.size()];
    run(
        new Plan<>(
            prompts,
            interventions,
            model.lm()::prefix,
            (prefix, patched, batch, together) ->
                boxed(
                    model.metric().apply(
                        model.lm().suffix(prefix, patched, batch.hooks(together), LogitsAt.LAST))),
            (i, p, m) -> metrics[i][p] = finite(m, prompts.get(p), interventions.get(i).name())));
    return metrics;
  }

  /**
   * What the model writes after every prompt: the ids of the new tokens {@code [prompt]}. One prefill and {@code newTokens}
   * steps per prompt, in batches.
   */
  public int[][] generate(List<PromptTokens> prompts, Generator generator, int newTokens) {
    int[][] ids = new int[prompts.size()][];
    for (List<Integer> chunk : byLength(prompts)) {
      generateChunk(prompts, chunk, generator, newTokens, ids);
    }
    return ids;
  }

  private void generateChunk(
      List<PromptTokens> prompts, List<Integer> chunk, Generator generator, int newTokens, int[][] ids) {
    List<PromptTokens> chosen = chunk.stream().map(prompts::get).toList();
    try (Memory.Scope scope = Memory.scope()) {
      List<int[]> written =
          generator.generate(Captures.batch(chosen, model.padId()), newTokens, Hooks.none()).ids();
      for (int i = 0; i < chunk.size(); i++) {
        ids[chunk.get(i)] = written.get(i);
      }
    } catch (RuntimeException e) {
      halve(e, chunk, part -> generateChunk(prompts, part, generator, newTokens, ids));
    }
  }

  /**
   * The same under every intervention {@code [intervention][prompt]}. Replacements by the baseline's values act on the
   * prompt, ablations also on every generated token. Layers below the first hook point are run once for all
   * interventions there, as in {@link #metric}; a step of generation runs all layers.
   */
  public int[][][] generate(
      List<PromptTokens> prompts, List<Intervention> interventions, Generator generator, int newTokens) {
    int[][][] ids = new int[interventions.size()][prompts.size()][];
    run(
        new Plan<>(
            prompts,
            interventions,
            model.lm()::prefixToGenerate,
            (prefix, patched, batch, together) -> {
              CausalLm.Prefill prefill = model.lm().prefill(prefix, patched, newTokens, batch.hooks(together));
              try (KvCache cache = prefill.cache()) {
                return generator
                    .continueFrom(prefill.logits(), cache, newTokens, batch.generationHooks(together))
                    .ids();
              }
            },
            (i, p, written) -> ids[i][p] = written));
    return ids;
  }

  /** Runs a batch up to a hook point. */
  @FunctionalInterface
  private interface Start {
    Prefix prefix(TokenBatch batch, HookPoint at, Hooks hooks);
  }

  /** What is read off patched rows, one result per row. */
  @FunctionalInterface
  private interface Reading<T> {
    List<T> read(Prefix prefix, NDArray patched, PatchedBatch batch, List<Intervention> interventions);
  }

  /** Where the result of an intervention on a prompt goes. */
  @FunctionalInterface
  private interface Place<T> {
    void put(int intervention, int prompt, T result);
  }

  private record Plan<T>(
      List<PromptTokens> prompts, List<Intervention> interventions, Start start, Reading<T> reading, Place<T> place) {}

  private <T> void run(Plan<T> plan) {
    List<Intervention> interventions = plan.interventions();
    for (List<Integer> together : groups(all(interventions.size()), i -> place(interventions.get(i)))) {
      for (List<Integer> chunk : byLength(plan.prompts())) {
        chunk(plan, chunk, together);
      }
    }
  }

  /** Interventions at one place share the runs below it and the columns that none of them changes. */
  private static Object place(Intervention intervention) {
    return List.of(intervention.byPoint().keySet(), intervention.ablates());
  }

  private static List<Integer> all(int count) {
    return IntStream.range(0, count).boxed().toList();
  }

  private static List<List<Integer>> groups(List<Integer> numbers, IntFunction<Object> key) {
    Map<Object, List<Integer>> groups = new LinkedHashMap<>();
    numbers.forEach(i -> groups.computeIfAbsent(key.apply(i), k -> new ArrayList<>()).add(i));
    return List.copyOf(groups.values());
  }

  /** Interventions of one kind do the same work at the same hook points and are run together. */
  private static String kind(Intervention intervention) {
    return intervention.byPoint().values().stream()
        .map(replacement -> replacement.getClass().getSimpleName())
        .collect(Collectors.joining(","));
  }

  /** All the interventions, which share their hook points, on some prompts: one prefix and one baseline for them all. */
  private <T> void chunk(Plan<T> plan, List<Integer> chunk, List<Integer> numbers) {
    List<Intervention> interventions = plan.interventions();
    List<PromptTokens> chosen = chunk.stream().map(plan.prompts()::get).toList();
    SortedSet<HookPoint> points = points(numbers.stream().map(interventions::get).toList());
    try (Memory.Scope scope = Memory.scope();
        Prefix prefix =
            plan.start().prefix(Captures.batch(chosen, model.padId()), points.first(), Hooks.none());
        KvCache below = prefix.below();
        PatchedBatch batch = patched(chosen, prefix, points);
        Shared shared = Shared.of(this, batch, prefix, interventions.get(numbers.get(0)).ablates())) {
      for (List<Integer> alike : groups(numbers, i -> kind(interventions.get(i)))) {
        some(plan, batch, shared.prefix(), chunk, alike);
      }
    } catch (RuntimeException e) {
      halve(e, chunk, part -> chunk(plan, part, numbers));
    }
  }

  /** Interventions of one kind, as many at once as the batch size and the memory allow. */
  private <T> void some(
      Plan<T> plan, PatchedBatch batch, Prefix prefix, List<Integer> chunk, List<Integer> numbers) {
    int atOnce = Math.max(1, batchSize / chunk.size());
    int from = 0;
    while (from < numbers.size()) {
      int to = Math.min(numbers.size(), from + atOnce);
      List<Intervention> together = numbers.subList(from, to).stream().map(plan.interventions()::get).toList();
      List<T> results;
      try {
        results = read(plan.reading(), batch, prefix, together);
      } catch (RuntimeException e) {
        if (!Memory.ranOut(e) || to - from == 1) {
          throw e;
        }
        atOnce = (to - from + 1) / 2;
        continue;
      }
      for (int row = 0; row < results.size(); row++) {
        plan.place().put(
            numbers.get(from + row % (to - from)), chunk.get(row / (to - from)), results.get(row));
      }
      from = to;
    }
  }

  /** The prefix without the columns that no intervention of a chunk changes. */
  private record Shared(Prefix prefix, boolean begun) implements AutoCloseable {
    static Shared of(PatchedRuns runs, PatchedBatch batch, Prefix whole, boolean ablates) {
      int columns = ablates ? 0 : batch.unchangedColumns();
      if (columns < 1) {
        return new Shared(whole, false);
      }
      batch.beginAt(columns);
      return new Shared(runs.model.lm().share(whole, columns), true);
    }

    @Override
    public void close() {
      if (begun) {
        prefix.close();
        prefix.past().close();
      }
    }
  }

  private PatchedBatch patched(List<PromptTokens> prompts, Prefix prefix, SortedSet<HookPoint> points) {
    return points.size() == 1
        ? new PatchedBatch(model, prompts, prefix)
        : new PatchedBatch(model, prompts, points);
  }

  private static <T> List<T> read(
      Reading<T> reading, PatchedBatch batch, Prefix prefix, List<Intervention> interventions) {
    try (Memory.Scope scope = Memory.scope();
        Prefix repeated = prefix.repeat(interventions.size())) {
      NDArray patched = batch.apply(repeated.activation(), prefix.at(), interventions);
      return reading.read(repeated, patched, batch, interventions);
    }
  }

  static SortedSet<HookPoint> points(Collection<Intervention> interventions) {
    SortedSet<HookPoint> points = new TreeSet<>();
    interventions.forEach(intervention -> points.addAll(intervention.byPoint().keySet()));
    return points;
  }

  /** Numbers of the prompts, short ones first, in batches. */
  List<List<Integer>> byLength(List<PromptTokens> prompts) {
    return byLength(prompts, batchSize);
  }

  static List<List<Integer>> byLength(List<PromptTokens> prompts, int batchSize) {
    List<Integer> order = new ArrayList<>();
    for (int p = 0; p < prompts.size(); p++) {
      order.add(p);
    }
    order.sort(Comparator.comparingInt(p -> prompts.get(p).length()));
    List<List<Integer>> chunks = new ArrayList<>();
    for (int from = 0; from < order.size(); from += batchSize) {
      chunks.add(order.subList(from, Math.min(order.size(), from + batchSize)));
    }
    return chunks;
  }

  static void halve(RuntimeException failure, List<Integer> chunk, java.util.function.Consumer<List<Integer>> work) {
    OutOfMemory.halve(failure, chunk, prompt -> "", work);
  }

  static double finite(double m, PromptTokens prompt, String intervention) {
    if (!Double.isFinite(m)) {
      throw UserException.badData(
          "prompt %s: the metric is %s with %s".formatted(prompt.id(), m, intervention),
          "use model.torch_dtype: float32 (or bfloat16), which half floats overflow less easily");
    }
    return m;
  }

  private static List<Double> boxed(NDArray values) {
    return Arrays.stream(doubles(values)).boxed().toList();
  }

  static double[] doubles(NDArray values) {
    return TorchOps.cast(values, DataType.FLOAT64).toDoubleArray();
  }
}
