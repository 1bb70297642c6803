package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import org.refusal.baseline.PromptTokens;
import org.refusal.model.Generator;

/**
 * What the model writes under an intervention.
 *
 * @param refused of every prompt, by the refusal detector on the generated text
 * @param rate share refused
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Behaviour(boolean[] refused, Interval rate) {

  /**
   * Greedy generation ({@link PatchedRuns#generate}).
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
    boolean[] refused =
        refused(
            intervention == null
                ? runs.generate(prompts, generator, newTokens)
                : runs.generate(prompts, List.of(intervention), generator, newTokens)[0],
            refusal);
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

  static boolean[] refused(int[][] generated, Predicate<int[]> refusal) {
    boolean[] refused = new boolean[generated.length];
    for (int p = 0; p < refused.length; p++) {
      refused[p] = refusal.test(generated[p]);
    }
    return refused;
  }
}
