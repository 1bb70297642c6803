package org.refusal.verdict;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.refusal.circuit.HookPoint;
import org.refusal.config.TransferForm;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.ReproducibleReadout;
import org.refusal.stats.TransferDrops;

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
 * @param layers where the model decides, over all its layers, in forward order; empty where only captured hook points were
 *     looked at
 * @param byDefault refusals of prompts without content, or null when not asked
 * @param partners where the partners of prompts come from, {@code matched} or {@code pool}; null when not known
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
    List<AtHookPoint> hookPoints,
    List<AtLayer> layers,
    DefaultRefusal byDefault,
    String partners) {

  public SharingEvidence {
    categories = List.copyOf(categories);
    hookPoints = List.copyOf(hookPoints);
    layers = List.copyOf(layers);
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
      for (Map.Entry<TransferForm, TransferDrops> form : point.transfer().entrySet()) {
        check(at + " " + form.getKey().key(), form.getValue(), heldoutGap);
      }
    }
    for (AtLayer layer : layers) {
      require(layer.drops().length == k && layer.gap().length == k, layer.at().name() + ": decided of other categories");
    }
  }

  private static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }

  private static void check(String where, TransferDrops drops, double[][] heldout) {
    square(where, drops.drops(), heldout);
    for (double[][][] resample : drops.resamples()) {
      square(where + " resample", resample, heldout);
    }
    for (double[][] control : drops.controls()) {
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

  /** Refused discovery prompts of each category. */
  int[] refusedDiscovery() {
    int[] refused = new int[categories.size()];
    for (int category : promptCategory) {
      refused[category]++;
    }
    return refused;
  }

  /** Refused held-out prompts of each category. */
  int[] refusedHeldout() {
    return Arrays.stream(heldoutGap).mapToInt(gap -> gap.length).toArray();
  }

  /** Mean of the category's gaps, Delta, nats; NaN without held-out prompts. */
  double[] refusalGap() {
    return Arrays.stream(heldoutGap)
        .mapToDouble(gap -> Arrays.stream(gap).average().orElse(Double.NaN))
        .toArray();
  }

  /** The same evidence of some categories only, in ascending order of their numbers. */
  SharingEvidence of(int[] chosen) {
    int[] place = new int[categories.size()];
    Arrays.fill(place, -1);
    for (int i = 0; i < chosen.length; i++) {
      place[chosen[i]] = i;
    }
    int[] prompts =
        IntStream.range(0, promptCategory.length).filter(p -> place[promptCategory[p]] >= 0).toArray();
    return new SharingEvidence(
        model,
        IntStream.of(chosen).mapToObj(categories::get).toList(),
        IntStream.of(prompts).map(p -> place[promptCategory[p]]).toArray(),
        IntStream.of(prompts).map(p -> promptTokens[p]).toArray(),
        refusedMetric,
        compliedMetric,
        rows(heldoutGap, chosen),
        topicDistance == null
            ? null
            : IntStream.of(prompts)
                .mapToObj(p -> IntStream.of(prompts).mapToDouble(q -> topicDistance[p][q]).toArray())
                .toArray(double[][]::new),
        hookPoints.stream().map(point -> point.of(chosen, prompts)).toList(),
        layers.stream().map(layer -> layer.of(chosen)).toList(),
        byDefault,
        partners);
  }

  private static double[][] rows(double[][] rows, int[] chosen) {
    return IntStream.of(chosen).mapToObj(i -> rows[i]).toArray(double[][]::new);
  }

  private static double[] values(double[] values, int[] chosen) {
    return IntStream.of(chosen).mapToDouble(i -> values[i]).toArray();
  }

  /**
   * What was measured at one hook point.
   *
   * @param effect Gram matrix of the vectors y_p of the discovery prompts (projected on the read-out), or null when the
   *     effect form was not measured
   * @param readout what the categories are read by there, or null
   * @param latents Gram matrix of the attributions over the latents, error node left out, or null
   * @param attribution per-prompt sums for completeness and prompt share, or null
   * @param decidedDrops {@code [category][held-out prompt]} m less m with only the post-instruction positions set to the
   *     partner's values there, nats; empty rows when not measured
   * @param transfer drops of each form that was measured
   */
  public record AtHookPoint(
      HookPoint at,
      GramMatrix effect,
      ReadoutSummary readout,
      GramMatrix latents,
      AttributionCheck attribution,
      double[][] decidedDrops,
      Map<TransferForm, TransferDrops> transfer) {
    public AtHookPoint {
      Map<TransferForm, TransferDrops> inOrder = new EnumMap<>(TransferForm.class);
      inOrder.putAll(transfer);
      transfer = Collections.unmodifiableMap(inOrder);
    }

    private AtHookPoint of(int[] chosen, int[] prompts) {
      Map<TransferForm, TransferDrops> forms = new EnumMap<>(TransferForm.class);
      transfer.forEach((form, drops) -> forms.put(form, drops.of(chosen)));
      return new AtHookPoint(
          at,
          effect == null ? null : effect.select(prompts),
          readout,
          latents == null ? null : latents.select(prompts),
          attribution == null ? null : attribution.of(prompts),
          rows(decidedDrops, chosen),
          forms);
    }
  }

  /**
   * The read-out of a hook point ({@link ReproducibleReadout}), without its directions.
   *
   * @param rank directions in use, those added for single categories included
   * @param distinct directions that stand out of the noise
   * @param countKnown whether there are enough prompts to say how many directions there are
   * @param spectrum eigenvalues, descending
   * @param floor noise floor
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record ReadoutSummary(int rank, int distinct, boolean countKnown, double[] spectrum, double floor) {
    public static ReadoutSummary of(ReproducibleReadout readout) {
      return new ReadoutSummary(
          readout.rank(), readout.distinct(), readout.countKnown(), readout.spectrum(), readout.floor());
    }
  }

  /**
   * Whether the model has decided after a layer, on a few held-out prompts.
   *
   * @param drops m less m with only the post-instruction positions set to the partner's values {@code [category][prompt]}
   * @param gap m less m of the partner, of the same prompts
   */
  public record AtLayer(HookPoint at, double[][] drops, double[][] gap) {
    private AtLayer of(int[] chosen) {
      return new AtLayer(at, rows(drops, chosen), rows(gap, chosen));
    }
  }

  /** Of prompts without content, how many were refused, with the 95 % interval of the share. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record DefaultRefusal(int prompts, int refused, double low, double high) {
    double rate() {
      return (double) refused / prompts;
    }
  }

  /**
   * Sums over nodes, one number per discovery prompt, nats.
   *
   * @param effectSum indirect effects of all latents and the error node, both sides
   * @param promptSideSum the prompt side of the latents' indirect effects (negative where the prompt drives refusal), NaN
   *     where sides were not told apart
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

    private AttributionCheck of(int[] prompts) {
      return new AttributionCheck(
          values(effectSum, prompts), values(promptSideSum, prompts), values(baselineEffect, prompts),
          values(gap, prompts));
    }
  }
}
