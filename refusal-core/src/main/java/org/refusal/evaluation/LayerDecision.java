package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.refusal.circuit.HookPoint;

/**
 * How much of refusal is decided at one residuals_N on a few prompts (docs/definitions.md): the drop, in units of the gap of
 * these very prompts, when only the post-instruction positions are set to the partner's values there.
 *
 * @param hookPoint YAML name
 * @param drops raw drops {@code [category][prompt]}, nats
 * @param gap m less the partner's m {@code [category][prompt]}, nats
 * @param decided mean over categories of mean drop over mean gap
 * @param low of the 95 % interval, prompts resampled within categories
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record LayerDecision(
    String hookPoint, double[][] drops, double[][] gap, double decided, double low, double high) {

  /** O(resamples * prompts). */
  static LayerDecision of(HookPoint at, double[][] drops, double[][] gap, int bootstrap, SplittableRandom random) {
    Resampled decided =
        Resampled.bootstrap(
            Arrays.stream(gap).mapToInt(prompts -> prompts.length).toArray(),
            bootstrap,
            random,
            chosen -> {
              double sum = 0;
              for (int c = 0; c < gap.length; c++) {
                sum += Resampled.mean(drops[c], chosen[c]) / Resampled.mean(gap[c], chosen[c]);
              }
              return sum / gap.length;
            });
    return new LayerDecision(at.name(), drops, gap, decided.value(), decided.low(), decided.high());
  }
}
