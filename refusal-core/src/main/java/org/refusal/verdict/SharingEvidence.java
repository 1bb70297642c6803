package org.refusal.verdict;

import java.util.List;
import java.util.Map;
import org.refusal.circuit.HookPoint;
import org.refusal.stats.GramMatrix;

/**
 * Everything that the verdict rests on, measured on one model with one set of autoencoders.
 *
 * <p>Two families of prompts occur. <em>Discovery</em>: the toxic discovery prompts that the model refused, of all
 * categories, in one fixed order; {@code promptCategory}, {@code promptTokens} and every Gram matrix and attribution
 * check follow that order. <em>Held-out</em>: per category, the toxic held-out prompts that the model refused; {@code
 * heldoutGap}, decided drops and transfer drops follow one order per category.
 *
 * @param categories names, at least one; index i or j below
 * @param promptCategory {@code [n]} category index of each discovery prompt
 * @param promptTokens {@code [n]} its length in tokens; labels are permuted within terciles of it
 * @param refusedMetric m of the held-out prompts that the model refused, of any label, nats
 * @param compliedMetric m of the held-out prompts that it answered, of any label, nats
 * @param heldoutGap {@code [category][prompt]} m of the held-out prompt less m of its partner, nats; its mean is Delta
 * @param topicDistance {@code [n][n]} distance of the discovery prompts' texts (1 - TF-IDF cosine), or null when not
 *     given
 * @param hookPoints captured hook points in forward order
 */
public record SharingEvidence(
    String model,
    List<String> categories,
    int[] promptCategory,
    int[] promptTokens,
    double[] refusedMetric,
    double[] compliedMetric,
    double[][] heldoutGap,
    double[][] topicDistance,
    List<AtHookPoint> hookPoints) {

  public SharingEvidence {
    categories = List.copyOf(categories);
    hookPoints = List.copyOf(hookPoints);
    int n = promptCategory.length;
    int k = categories.size();
    require(k > 0, "no categories");
    require(promptTokens.length == n, promptTokens.length + " prompt lengths for " + n + " prompts");
    require(heldoutGap.length == k, heldoutGap.length + " held-out categories, not " + k);
    require(topicDistance == null || topicDistance.length == n, "topic distances of other prompts");
    for (int category : promptCategory) {
      require(category >= 0 && category < k, "category " + category + " is outside 0.." + (k - 1));
    }
    for (AtHookPoint point : hookPoints) {
      String at = point.at().name();
      require(point.effect() == null || point.effect().size() == n, at + ": effect vectors of other prompts");
      require(point.latents() == null || point.latents().size() == n, at + ": attributions of other prompts");
      require(
          point.attribution() == null || point.attribution().effectSum().length == n,
          at + ": attribution check of other prompts");
      require(point.decidedDrops().length == k, at + ": decided drops of other categories");
      point.transfer().forEach((form, drops) -> drops.check(at + " " + form.key(), heldoutGap));
    }
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  /**
   * What was measured at one hook point.
   *
   * @param effect Gram matrix of the vectors y_p of the discovery prompts (projected on the read-out), or null when the
   *     effect form was not measured
   * @param readoutRank dimensions of the causal read-out; -1 where there is none
   * @param latents Gram matrix of the prompt-side attributions over the latents, error node left out, or null
   * @param attribution per-prompt sums for completeness and prompt share, or null
   * @param decidedDrops {@code [category][held-out prompt]} m less m with only the post-instruction positions set to the
   *     partner's values there, nats; empty rows when not measured
   * @param transfer drops of each form that was measured
   */
  public record AtHookPoint(
      HookPoint at,
      GramMatrix effect,
      int readoutRank,
      GramMatrix latents,
      AttributionCheck attribution,
      double[][] decidedDrops,
      Map<Form, TransferDrops> transfer) {
    public AtHookPoint {
      transfer = Map.copyOf(transfer);
    }
  }

  /**
   * Sums over nodes, one number per discovery prompt, nats.
   *
   * @param effectSum indirect effects of all latents and the error node, both sides
   * @param promptSideSum the prompt side of the latents' indirect effects (negative where the prompt drives refusal)
   * @param baselineEffect m with everything there set to the baseline, less m
   * @param gap m less m of the partner
   */
  public record AttributionCheck(
      double[] effectSum, double[] promptSideSum, double[] baselineEffect, double[] gap) {
    public AttributionCheck {
      require(
          effectSum.length == promptSideSum.length
              && effectSum.length == baselineEffect.length
              && effectSum.length == gap.length,
          "attribution sums of different numbers of prompts");
    }
  }

  /**
   * Drops of one form, nats: m less m with category i's part set to the partner's values, on category j's held-out
   * prompts.
   *
   * @param drops {@code [i][j][prompt of j]}
   * @param controls {@code [control][j][prompt of j]} under random parts of equal size; may be empty
   * @param resamples {@code [resample][i][j][prompt of j]} with i's part from resampled discovery prompts; may be empty
   */
  public record TransferDrops(double[][][] drops, double[][][] controls, double[][][][] resamples) {
    void check(String where, double[][] heldout) {
      square(where, drops, heldout);
      for (double[][][] resample : resamples) {
        square(where + " resample", resample, heldout);
      }
      for (double[][] control : controls) {
        row(where + " control", control, heldout);
      }
    }

    private static void square(String where, double[][][] drops, double[][] heldout) {
      require(drops.length == heldout.length, where + ": drops of other categories");
      for (double[][] row : drops) {
        row(where, row, heldout);
      }
    }

    private static void row(String where, double[][] row, double[][] heldout) {
      require(row.length == heldout.length, where + ": drops of other categories");
      for (int j = 0; j < row.length; j++) {
        require(row[j].length == heldout[j].length, where + ": drops of other prompts of category " + j);
      }
    }
  }
}
