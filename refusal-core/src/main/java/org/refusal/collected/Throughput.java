package org.refusal.collected;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.refusal.activation.CapturedPrompt;
import org.refusal.activation.Collector;

/** How fast prompts were run, model loading left out: what this process ran, not what an interrupted one had done. */
public final class Throughput {
  private long prompts;
  private long promptTokens;
  private long newTokens;
  private long nanoseconds;

  /** Runs some prompts; {@code work} hands every result to the consumer that it is given. */
  public <T> T measure(Iterable<Collector.Input> inputs, Consumer<CapturedPrompt> sink, Work<T> work) {
    Map<Long, Integer> lengths = new HashMap<>();
    inputs.forEach(input -> lengths.put(input.promptIndex(), input.prompt().length()));
    long begin = System.nanoTime();
    T result =
        work.run(
            captured -> {
              prompts++;
              promptTokens += lengths.get(captured.promptIndex());
              newTokens += captured.generatedIds().length;
              sink.accept(captured);
            });
    nanoseconds += System.nanoTime() - begin;
    return result;
  }

  /** What is measured. */
  @FunctionalInterface
  public interface Work<T> {
    T run(Consumer<CapturedPrompt> sink);
  }

  /** One line: prompts, tokens, seconds, and their ratios. */
  public String line() {
    if (prompts == 0) {
      return "throughput: no prompt was run, all had been before";
    }
    double seconds = nanoseconds / 1e9;
    return String.format(
        Locale.ROOT,
        "throughput: %d prompts (%d prompt tokens, %d new tokens) in %.1f s: %.2f prompts/s, %.0f tokens/s",
        prompts, promptTokens, newTokens, seconds, prompts / seconds, (promptTokens + newTokens) / seconds);
  }
}
