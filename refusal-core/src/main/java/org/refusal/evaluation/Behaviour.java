package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import java.util.SplittableRandom;
import org.refusal.subject.PromptTokens;

/**
 * What the model writes under an intervention.
 *
 * @param refused of every prompt, by the refusal detector on the generated text
 * @param rate share refused
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Behaviour(boolean[] refused, Resampled rate) {

  /** @param intervention null for the model as it is */
  public static Behaviour measure(
      PatchedRuns runs,
      Refusals.Writer writer,
      List<PromptTokens> prompts,
      Intervention intervention,
      int bootstrap,
      SplittableRandom random) {
    boolean[] refused =
        writer.refused(
            intervention == null
                ? runs.generate(prompts, writer.generator(), writer.newTokens())
                : runs.generate(prompts, List.of(intervention), writer.generator(), writer.newTokens())[0]);
    Resampled rate =
        Resampled.bootstrap(
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
}
