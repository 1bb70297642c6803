package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import java.util.SplittableRandom;
import org.refusal.circuit.HookPoint;
import org.refusal.subject.PromptTokens;

/**
 * How much of refusal is decided at a hook point (docs/definitions.md): the drop, in units of Delta, when only the
 * post-instruction positions are set to the partner's values there, and when all positions are.
 *
 * @param drops raw drops, post-instruction positions {@code [category][prompt]}, nats
 * @param dropsEverywhere raw drops, all positions {@code [category][prompt]}, nats
 * @param byCategory decided of each category
 * @param decided mean over categories
 * @param everywhere mean over categories of the drop with all positions set
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record DecisionProfile(
    double[][] drops, double[][] dropsEverywhere, double[] byCategory, Resampled decided, Resampled everywhere) {

  /** Two runs above the hook point per held-out prompt; uses no SAE. */
  public static DecisionProfile measure(
      PatchedRuns runs,
      HookPoint at,
      List<List<PromptTokens>> heldout,
      List<RefusalGap> gaps,
      int bootstrap,
      SplittableRandom random) {
    Intervention all = Intervention.at("everything at the partner's", at, new Replacement.Everything());
    int n = heldout.size();
    double[][] post = new double[n][];
    double[][] everywhere = new double[n][];
    for (int j = 0; j < n; j++) {
      double[][] patched = runs.metric(heldout.get(j), List.of(all.onlyAt(Positions.POST_INSTRUCTION), all));
      post[j] = drops(gaps.get(j), patched[0]);
      everywhere[j] = drops(gaps.get(j), patched[1]);
    }
    double[] byCategory = new double[n];
    for (int j = 0; j < n; j++) {
      byCategory[j] = Resampled.mean(post[j]) / gaps.get(j).delta();
    }
    return new DecisionProfile(
        post,
        everywhere,
        byCategory,
        mean(post, gaps, bootstrap, random.split()),
        mean(everywhere, gaps, bootstrap, random.split()));
  }

  private static double[] drops(RefusalGap gap, double[] patched) {
    double[] drops = new double[patched.length];
    for (int p = 0; p < drops.length; p++) {
      drops[p] = gap.metric()[p] - patched[p];
    }
    return drops;
  }

  private static Resampled mean(double[][] drops, List<RefusalGap> gaps, int bootstrap, SplittableRandom random) {
    int[] prompts = gaps.stream().mapToInt(RefusalGap::prompts).toArray();
    return Resampled.bootstrap(
        prompts,
        bootstrap,
        random,
        chosen -> {
          double sum = 0;
          for (int j = 0; j < drops.length; j++) {
            sum += Resampled.mean(drops[j], chosen[j]) / gaps.get(j).delta(chosen[j]);
          }
          return sum / drops.length;
        });
  }
}
