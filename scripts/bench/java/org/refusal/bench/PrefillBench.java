package org.refusal.bench;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import org.refusal.base.Seeds;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.model.TokenBatch;
import org.refusal.torch.Memory;

/** Reading prompts, without generating: batches of prompts of like length. */
final class PrefillBench implements Benchmark {
  private static final Option PROMPTS = Option.prompts(64);
  private static final Option BATCH = Option.number("--batch", 16, "Prompts run at once.");

  @Override
  public String name() {
    return "prefill";
  }

  @Override
  public String summary() {
    return "Prompt tokens read per second: batches by length against one prompt at a time and against padding to the longest.";
  }

  @Override
  public List<Option> options() {
    return List.of(Option.MODEL, PROMPTS, BATCH, Option.REPEATS, Option.DEVICE, Option.THREADS, Option.SEED);
  }

  @Override
  public Result run(Arguments arguments) {
    try (Subject subject = Subject.open(arguments, PROMPTS)) {
      List<int[]> prompts = new ArrayList<>(subject.prompts().stream().map(prompt -> prompt.ids()).toList());
      int batch = arguments.count(BATCH);
      long tokens = prompts.stream().mapToLong(ids -> ids.length).sum();
      List<int[]> byLength = prompts.stream().sorted(Comparator.comparingInt(ids -> ids.length)).toList();
      shuffle(prompts, arguments.count(Option.SEED));
      int longest = byLength.get(byLength.size() - 1).length;
      int repeats = arguments.count(Option.REPEATS);
      Timing single =
          Timing.of(
              repeats, true, () -> read(subject, byLength, batch, 0), () -> read(subject, prompts, 1, 0));
      Timing padded =
          Timing.of(
              repeats, false, () -> read(subject, byLength, batch, 0), () -> read(subject, prompts, batch, longest));
      return new Result(
          List.of(
              rate("prefill against one prompt at a time", tokens, single),
              rate("prefill against padding to the longest", tokens, padded)),
          List.of(subject.description() + ", batch " + batch));
    }
  }

  private static Row rate(String metric, long tokens, Timing timing) {
    return Row.rate(metric, tokens / timing.ours(), tokens / timing.baseline(), "tokens/s");
  }

  private static void shuffle(List<int[]> prompts, long seed) {
    SplittableRandom random = Seeds.random(seed, "bench order");
    for (int i = prompts.size() - 1; i > 0; i--) {
      Collections.swap(prompts, i, random.nextInt(i + 1));
    }
  }

  /** @param width a row of so many tokens is added to every batch, so that it is padded to it; 0 for none */
  private static void read(Subject subject, List<int[]> prompts, int batch, int width) {
    for (int from = 0; from < prompts.size(); from += batch) {
      List<int[]> rows = new ArrayList<>(prompts.subList(from, Math.min(prompts.size(), from + batch)));
      if (width > 0) {
        rows.set(0, widened(rows.get(0), width));
      }
      try (Memory.Scope scope = Memory.scope()) {
        NDArray logits = subject.lm().forward(new TokenBatch(rows, subject.padId()), Hooks.none(), LogitsAt.LAST);
        logits.toFloatArray();
      }
    }
  }

  /** A row of the longest length stands for the padding of its batch. */
  private static int[] widened(int[] row, int width) {
    int[] wide = new int[width];
    for (int i = 0; i < width; i++) {
      wide[i] = row[i % row.length];
    }
    return wide;
  }
}
