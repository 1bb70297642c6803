package org.refusal.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.refusal.activation.CapturedPrompt;
import org.refusal.activation.Collector;
import org.refusal.base.Progress;
import org.refusal.circuit.HookPoint;
import org.refusal.data.PromptKey;
import org.refusal.model.Hook;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.model.TokenBatch;
import org.refusal.text.Positions;
import org.refusal.text.RenderedPrompt;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/** The work of {@code refusal collect}: activations of every prompt token at several hook points, and an answer. */
final class CollectBench implements Benchmark {
  private static final Option PROMPTS = Option.prompts(32);
  private static final Option BATCH = Option.number("--batch", 16, "Prompts run at once.");
  private static final Option NEW_TOKENS = Option.number("--new-tokens", 20, "Tokens generated per prompt.");
  private static final Option HOOKS = Option.number("--hook-points", 11, "Residual-stream hook points captured.");
  private static final Option BASELINE =
      Option.number("--baseline-prompts", 16, "Prompts that the baselines run on, spread evenly over the lengths.");
  private static final Option REPEATS = Option.number("--repeats", 1, "Measurements of each side; the median counts.");

  @Override
  public String name() {
    return "collect";
  }

  @Override
  public String summary() {
    return "Seconds per prompt of collect: batched with KV cache against one prompt at a time, and against no KV cache.";
  }

  @Override
  public List<Option> options() {
    return List.of(
        Option.MODEL, PROMPTS, BATCH, NEW_TOKENS, HOOKS, BASELINE, PythonSide.PYTHON, REPEATS, Option.DEVICE,
        Option.THREADS, Option.SEED);
  }

  @Override
  public Result run(Arguments arguments) {
    int batch = arguments.count(BATCH);
    int newTokens = arguments.count(NEW_TOKENS);
    int repeats = arguments.count(REPEATS);
    try (Subject subject = Subject.open(arguments, PROMPTS)) {
      List<HookPoint> points = subject.hookPoints(arguments.count(HOOKS));
      List<RenderedPrompt> all = subject.prompts();
      List<RenderedPrompt> some = subject.sample(arguments.count(BASELINE));
      Map<Long, int[]> cached = new TreeMap<>();
      Map<Long, int[]> uncached = new TreeMap<>();
      collect(subject, subject.sample(batch), points, batch, Math.min(2, newTokens)); // warm-up

      Timing single =
          Timing.of(
              repeats, false,
              () -> collect(subject, all, points, batch, newTokens),
              () -> cached.putAll(collect(subject, some, points, 1, newTokens)));
      Timing recomputed =
          Timing.of(
              repeats, false,
              () -> collect(subject, all, points, batch, newTokens),
              () -> uncached.putAll(withoutCache(subject, some, points, batch, newTokens)));
      List<Row> rows = new ArrayList<>();
      rows.add(perPrompt("collect against one prompt at a time", single, all, some));
      rows.add(perPrompt("collect against no KV cache", recomputed, all, some));
      List<String> notes = new ArrayList<>();
      notes.add(
          "%s; batch %d, %d new tokens, hooks %s"
              .formatted(subject.description(), batch, newTokens, points));
      long alike =
          cached.keySet().stream().filter(index -> Arrays.equals(cached.get(index), uncached.get(index))).count();
      notes.add(
          "baselines on %d prompts; answers alike with and without cache: %d of %d"
              .formatted(some.size(), alike, cached.size()));
      PythonSide.collect(arguments, subject, points, batch, newTokens)
          .ifPresent(
              seconds ->
                  rows.add(
                      Row.time(
                          "collect against transformers", single.ours() / all.size(), seconds / all.size(), "s/prompt")));
      return new Result(rows, notes);
    }
  }

  private static Row perPrompt(String metric, Timing timing, List<RenderedPrompt> all, List<RenderedPrompt> some) {
    return Row.time(metric, timing.ours() / all.size(), timing.baseline() / some.size(), "s/prompt");
  }

  private static Map<Long, int[]> collect(
      Subject subject, List<RenderedPrompt> prompts, List<HookPoint> points, int batch, int newTokens) {
    Collector.Options options =
        new Collector.Options(points, Positions.PROMPT, newTokens, batch, subject.padId(), false);
    List<Collector.Input> inputs = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      inputs.add(new Collector.Input(new PromptKey("bench", i), prompts.get(i)));
    }
    Map<Long, int[]> answers = new TreeMap<>();
    new Collector(subject.lm(), options, Progress.none())
        .collect("bench", inputs, List.of(), captured -> answers.put(captured.key().index(), generated(captured)));
    return answers;
  }

  private static int[] generated(CapturedPrompt captured) {
    return captured.generatedIds();
  }

  /** Every new token by a forward pass over the whole text so far. */
  private static Map<Long, int[]> withoutCache(
      Subject subject, List<RenderedPrompt> prompts, List<HookPoint> points, int batch, int newTokens) {
    Map<Long, int[]> answers = new TreeMap<>();
    Hook reading =
        (activation, at) -> {
          TorchOps.cast(activation, DataType.FLOAT32).toFloatArray();
          return activation;
        };
    Map<HookPoint, Hook> hooks = new TreeMap<>();
    points.forEach(point -> hooks.put(point, reading));
    for (int from = 0; from < prompts.size(); from += batch) {
      List<RenderedPrompt> part = prompts.subList(from, Math.min(prompts.size(), from + batch));
      List<int[]> texts = new ArrayList<>(part.stream().map(RenderedPrompt::ids).toList());
      boolean[] ended = new boolean[part.size()];
      for (int step = 0; step < newTokens; step++) {
        int[] next = next(subject, texts, step == 0 ? new Hooks(hooks) : Hooks.none());
        for (int row = 0; row < next.length; row++) {
          ended[row] |= subject.lm().config().endTokens().contains(next[row]);
          if (!ended[row]) {
            int[] text = texts.get(row);
            int[] longer = Arrays.copyOf(text, text.length + 1);
            longer[text.length] = next[row];
            texts.set(row, longer);
          }
        }
        if (allTrue(ended)) {
          break;
        }
      }
      for (int row = 0; row < part.size(); row++) {
        int[] text = texts.get(row);
        answers.put((long) from + row, Arrays.copyOfRange(text, part.get(row).length(), text.length));
      }
    }
    return answers;
  }

  private static int[] next(Subject subject, List<int[]> texts, Hooks hooks) {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray logits = subject.lm().forward(new TokenBatch(texts, subject.padId()), hooks, LogitsAt.LAST);
      return Arrays.stream(logits.argMax(1).toLongArray()).mapToInt(Math::toIntExact).toArray();
    }
  }

  private static boolean allTrue(boolean[] values) {
    for (boolean value : values) {
      if (!value) {
        return false;
      }
    }
    return true;
  }
}
