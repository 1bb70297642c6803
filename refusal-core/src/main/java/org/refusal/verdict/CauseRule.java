package org.refusal.verdict;

import java.util.ArrayList;
import java.util.List;
import org.refusal.config.StatsConfig;

/** How the causes of refusal relate at one hook point, by S_effect and D_effect (docs/definitions.md). */
record CauseRule(StatsConfig.Verdict thresholds, List<String> categories) {

  record Finding(Cause cause, String sentence) {}

  Finding cause(String at, VectorTests effect, TransferTests transfer) {
    if (effect == null || transfer == null) {
      return new Finding(Cause.GRADED, "at %s the effect form was not measured".formatted(at));
    }
    if (effect.pairs().isEmpty()) {
      return new Finding(Cause.GRADED, "one category makes no pair to compare");
    }
    String pairs =
        "at %s, pairs of categories (%d in all): %d shared (90 %% interval of S_effect above %s), %d distinct (95 %%"
            + " interval below %s), %d partial, %d open";
    String counted =
        pairs.formatted(
            at,
            effect.pairs().size(),
            effect.count(PairKind.SHARED),
            Sentences.number(thresholds.shared()),
            effect.count(PairKind.DISTINCT),
            Sentences.number(thresholds.distinct()),
            effect.count(PairKind.PARTIAL),
            effect.count(PairKind.OPEN));
    String similarity = "mean S_effect is " + Sentences.estimate(effect.meanSimilarity());
    if (!transfer.usable()) {
      String why = transfer.weak() != null ? transfer.weak() : "its interval is undefined";
      return new Finding(
          Cause.GRADED, "%s; %s; D_effect is undefined: %s".formatted(counted, similarity, why));
    }
    String distinctness = "D_effect is " + Sentences.estimate(transfer.distinctness());
    String figures = "%s; %s; %s".formatted(counted, similarity, distinctness);
    if (effect.share(PairKind.SHARED) >= thresholds.pairShare()
        && transfer.distinctness().interval().below(thresholds.oneCauseD())) {
      return new Finding(Cause.ONE, figures);
    }
    if (effect.share(PairKind.DISTINCT) >= thresholds.pairShare()
        && transfer.distinctness().interval().above(thresholds.severalCausesD())) {
      return new Finding(Cause.SEVERAL, figures);
    }
    int clusters = effect.clusters().size();
    if (clusters > 1 && clusters < categories.size()) {
      String clustered =
          "%s; average linkage cut at %s gives %s with bootstrap support of at least %s; D_effect within clusters is"
              + " %s, between them %s";
      String sentence =
          clustered.formatted(
              figures,
              Sentences.number(thresholds.clusterCut()),
              names(effect.clusters()),
              Sentences.number(effect.leastSupport()),
              Sentences.estimate(transfer.within()),
              Sentences.estimate(transfer.between()));
      boolean holds =
          effect.leastSupport() >= thresholds.clusterSupport()
              && transfer.within().interval().below(thresholds.oneCauseD())
              && transfer.between().interval().above(thresholds.severalCausesD());
      return new Finding(holds ? Cause.CLUSTERED : Cause.GRADED, sentence);
    }
    return new Finding(Cause.GRADED, figures);
  }

  private String names(List<List<Integer>> clusters) {
    List<String> parts = new ArrayList<>();
    for (List<Integer> cluster : clusters) {
      parts.add("{" + String.join(", ", cluster.stream().map(categories::get).toList()) + "}");
    }
    return Sentences.list(parts);
  }

  /**
   * Do the latents tell the categories apart? {@code shared} when at least {@code pairShare} of the pairs are shared and D
   * of the usable forms lies below {@code oneCauseD}; {@code split} when as many are distinct and it lies above {@code
   * severalCausesD}; else {@code undecided}.
   */
  String representation(VectorTests latents, TransferTests latentForm, TransferTests directionForm) {
    if (latents == null || latents.pairs().isEmpty()) {
      return "undecided";
    }
    boolean shared = latents.share(PairKind.SHARED) >= thresholds.pairShare();
    boolean split = latents.share(PairKind.DISTINCT) >= thresholds.pairShare();
    boolean anyForm = false;
    for (TransferTests form : new TransferTests[] {latentForm, directionForm}) {
      if (form != null && form.usable()) {
        anyForm = true;
        shared &= form.distinctness().interval().below(thresholds.oneCauseD());
        split &= form.distinctness().interval().above(thresholds.severalCausesD());
      }
    }
    return !anyForm ? "undecided" : shared ? "shared" : split ? "split" : "undecided";
  }
}
