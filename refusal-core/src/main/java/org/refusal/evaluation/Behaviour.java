package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import org.refusal.baseline.Captures;
import org.refusal.baseline.PromptTokens;
import org.refusal.model.Generator;
import org.refusal.model.Hooks;
import org.refusal.torch.Memory;

/**
 * What the model writes under an intervention.
 *
 * @param refused of every prompt, by the refusal detector on the generated text
 * @param rate share refused
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Behaviour(boolean[] refused, Interval rate) {

  /**
   * Greedy generation, one prefill and {@code newTokens} steps per prompt. Replacements by a partner's values act on the
   * prompt, ablations also on every generated token.
   *
   * @param intervention null for the model as it is
   * @param refusal whether generated token ids are a refusal
   */
  public static Behaviour measure(
      PatchedRuns runs,
      Generator generator,
      int newTokens,
      List<PromptTokens> prompts,
      Intervention intervention,
      Predicate<int[]> refusal,
      int bootstrap,
      SplittableRandom random) {
    boolean[] refused = new boolean[prompts.size()];
    for (List<Integer> chunk : runs.byLength(prompts)) {
      fill(runs, generator, newTokens, prompts, chunk, intervention, refusal, refused);
    }
    Interval rate =
        Interval.bootstrap(
            new int[] {refused.length},
            bootstrap,
            random,
            chosen -> {
              double count = 0;
              for (int p : chosen[0]) {
                count += refused[p] ? 1 : 0;
              }
              return count / chosen[0].length;
            });
    return new Behaviour(refused, rate);
  }

  private static void fill(
      PatchedRuns runs,
      Generator generator,
      int newTokens,
      List<PromptTokens> prompts,
      List<Integer> chunk,
      Intervention intervention,
      Predicate<int[]> refusal,
      boolean[] refused) {
    List<PromptTokens> chosen = chunk.stream().map(prompts::get).toList();
    try (Memory.Scope scope = Memory.scope()) {
      List<int[]> generated =
          intervention == null
              ? generator
                  .generate(Captures.batch(chosen, runs.model().padId()), newTokens, Hooks.none())
                  .ids()
              : generate(runs, generator, newTokens, chosen, intervention);
      for (int r = 0; r < chosen.size(); r++) {
        refused[chunk.get(r)] = refusal.test(generated.get(r));
      }
    } catch (RuntimeException e) {
      PatchedRuns.halve(
          e, chunk, part -> fill(runs, generator, newTokens, prompts, part, intervention, refusal, refused));
    }
  }

  private static List<int[]> generate(
      PatchedRuns runs,
      Generator generator,
      int newTokens,
      List<PromptTokens> prompts,
      Intervention intervention) {
    try (PatchedBatch batch = new PatchedBatch(runs.model(), prompts, intervention.byPoint().keySet())) {
      return generator.generate(batch.tokens(), newTokens, batch.hooks(List.of(intervention))).ids();
    }
  }
}
