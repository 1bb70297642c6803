package org.refusal.verdict;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.refusal.config.StatsConfig;
import org.refusal.stats.Interval;
import org.refusal.stats.TransferStatistics;

/**
 * How the causes of refusal relate at one hook point, by causal transfer of the effect form (docs/definitions.md). How alike
 * the effect vectors are (S) describes and does not decide: it compares what prompts have within the span that is read, and
 * everything harmful differs from everything harmless in common ways.
 */
record CauseRule(StatsConfig.Verdict thresholds, List<String> categories) {

  /** @param possible answers that are left open; one where the cause is clear */
  record Finding(Cause cause, String sentence, List<Answer> possible) {}

  Finding cause(String at, TransferStatistics transfer) {
    if (transfer == null) {
      return new Finding(Cause.OPEN, "at %s the effect form was not measured".formatted(at), anything());
    }
    if (transfer.pairs().isEmpty()) {
      return new Finding(Cause.OPEN, "one category makes no pair to compare", anything());
    }
    if (!transfer.usable()) {
      String why = transfer.weak() != null ? transfer.weak() : "its interval is undefined";
      return new Finding(Cause.OPEN, "at %s D_effect is undefined: %s".formatted(at, why), anything());
    }
    String figures =
        ("at %s, pairs of categories (%d in all): %d shared (90 %% interval of their causal transfer above %s), %d distinct"
                + " (95 %% interval below %s), %d partial, %d open; D_effect is %s")
            .formatted(
                at,
                transfer.pairs().size(),
                count(transfer, PairKind.SHARED),
                Sentences.number(thresholds.shared()),
                count(transfer, PairKind.DISTINCT),
                Sentences.number(thresholds.distinct()),
                count(transfer, PairKind.PARTIAL),
                count(transfer, PairKind.OPEN),
                Sentences.estimate(transfer.distinctness()));
    Interval distinctness = transfer.distinctness().interval();
    if (share(transfer, PairKind.SHARED) >= thresholds.pairShare() && distinctness.below(thresholds.oneCauseD())) {
      return new Finding(Cause.ONE, figures, List.of(Answer.MONOLITHIC));
    }
    if (share(transfer, PairKind.DISTINCT) >= thresholds.pairShare()
        && distinctness.above(thresholds.severalCausesD())) {
      return new Finding(Cause.SEVERAL, figures, List.of(Answer.MODULAR));
    }
    boolean clustered = transfer.clusters().size() > 1 && transfer.clusters().size() < categories.size();
    boolean apart = clustered && toldApart(transfer.within().interval(), transfer.between().interval());
    if (clustered) {
      figures +=
          ("; average linkage cut at %s gives %s with bootstrap support of at least %s; transfer within clusters is %s,"
                  + " between them %s")
              .formatted(
                  Sentences.number(thresholds.clusterCut()),
                  names(transfer.clusters()),
                  Sentences.number(transfer.leastSupport()),
                  Sentences.estimate(transfer.within()),
                  Sentences.estimate(transfer.between()));
    }
    if (apart
        && transfer.within().value() - transfer.between().value() >= thresholds.clusterGap()
        && transfer.leastSupport() >= thresholds.clusterSupport()
        && transfer.within().interval().above(thresholds.distinct())
        && transfer.between().interval().below(thresholds.shared())) {
      return new Finding(Cause.CLUSTERED, figures, List.of(Answer.MIXED));
    }
    List<Answer> possible = possible(transfer, apart);
    return possible.equals(List.of(Answer.GRADED))
        ? new Finding(Cause.GRADED, figures, possible)
        : new Finding(Cause.OPEN, figures, possible);
  }

  /** Few resamples of a sharp measurement tell the smallest differences apart: what is below the gap makes no clusters. */
  private boolean toldApart(Interval within, Interval between) {
    return within.low() > between.high() && within.high() - between.low() >= thresholds.clusterGap();
  }

  private List<Answer> anything() {
    return categories.size() < 3
        ? List.of(Answer.MONOLITHIC, Answer.MODULAR, Answer.GRADED)
        : List.of(Answer.MONOLITHIC, Answer.MODULAR, Answer.MIXED, Answer.GRADED);
  }

  /**
   * What the intervals do not reject. One cause is rejected where D lies above its bar or too many pairs surely transfer
   * less; several causes where D lies below theirs or too many pairs surely transfer more; clusters where transfer within and
   * between those found is not told apart by {@code clusterGap} and no pair can be shared, or none distinct.
   */
  private List<Answer> possible(TransferStatistics transfer, boolean apart) {
    Interval distinctness = transfer.distinctness().interval();
    List<Answer> possible = new ArrayList<>();
    if (!distinctness.above(thresholds.oneCauseD())
        && share(transfer, pair -> !(pair.interval95().below(thresholds.shared()))) >= thresholds.pairShare()) {
      possible.add(Answer.MONOLITHIC);
    }
    if (!distinctness.below(thresholds.severalCausesD())
        && share(transfer, pair -> !(pair.interval95().above(thresholds.distinct()))) >= thresholds.pairShare()) {
      possible.add(Answer.MODULAR);
    }
    if (categories.size() >= 3 && (apart || unlikePairsPossible(transfer))) {
      possible.add(Answer.MIXED);
    }
    boolean one = distinctness.below(thresholds.oneCauseD());
    boolean several =
        distinctness.above(thresholds.severalCausesD())
            && share(transfer, pair -> !pair.interval95().above(thresholds.distinct())) >= thresholds.pairShare();
    if (!one && !several) {
      possible.add(Answer.GRADED);
    }
    return possible.isEmpty() ? List.of(Answer.GRADED) : List.copyOf(possible);
  }

  private boolean unlikePairsPossible(TransferStatistics transfer) {
    return transfer.pairs().stream().anyMatch(pair -> !pair.interval95().below(thresholds.shared()))
        && transfer.pairs().stream().anyMatch(pair -> !pair.interval95().above(thresholds.distinct()));
  }

  private interface Property {
    boolean holds(TransferStatistics.Pair pair);
  }

  private static double share(TransferStatistics transfer, Property property) {
    return transfer.pairs().stream().filter(property::holds).count() / (double) transfer.pairs().size();
  }

  private double share(TransferStatistics transfer, PairKind kind) {
    return count(transfer, kind) / (double) transfer.pairs().size();
  }

  private long count(TransferStatistics transfer, PairKind kind) {
    return transfer.pairs().stream().filter(pair -> kind(pair) == kind).count();
  }

  PairKind kind(TransferStatistics.Pair pair) {
    return PairKind.of(pair.interval90(), pair.interval95(), thresholds);
  }

  String names(List<List<Integer>> clusters) {
    List<String> parts = new ArrayList<>();
    for (List<Integer> cluster : clusters) {
      parts.add("{" + String.join(", ", cluster.stream().map(categories::get).toList()) + "}");
    }
    return Sentences.list(parts);
  }

  /**
   * Do the latents tell the categories apart? {@code shared} when at least {@code pairShare} of the pairs of attribution
   * vectors are shared by S and D of the usable forms lies below {@code oneCauseD}; {@code split} when as many are distinct
   * and it lies above {@code severalCausesD}; else {@code undecided}.
   */
  String representation(VectorStatistics latents, TransferStatistics latentForm, TransferStatistics directionForm) {
    if (latents == null || latents.pairs().isEmpty()) {
      return "undecided";
    }
    double pairs = latents.pairs().size();
    boolean shared = count(latents, PairKind.SHARED) / pairs >= thresholds.pairShare();
    boolean split = count(latents, PairKind.DISTINCT) / pairs >= thresholds.pairShare();
    List<TransferStatistics> usable =
        Arrays.asList(latentForm, directionForm).stream().filter(form -> form != null && form.usable()).toList();
    for (TransferStatistics form : usable) {
      shared &= form.distinctness().interval().below(thresholds.oneCauseD());
      split &= form.distinctness().interval().above(thresholds.severalCausesD());
    }
    return usable.isEmpty() ? "undecided" : shared ? "shared" : split ? "split" : "undecided";
  }

  private long count(VectorStatistics vectors, PairKind kind) {
    return vectors.pairs().stream()
        .filter(pair -> PairKind.of(pair.interval90(), pair.interval95(), thresholds) == kind)
        .count();
  }
}
