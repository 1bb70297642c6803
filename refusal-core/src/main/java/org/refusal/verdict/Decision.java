package org.refusal.verdict;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.refusal.config.StatsConfig;

/** The rules of docs/definitions.md, one method per rule. */
final class Decision {
  private final SharingTests tests;
  private final StatsConfig.Verdict thresholds;
  private final List<String> doubts = new ArrayList<>();

  Decision(SharingTests tests, StatsConfig.Verdict thresholds) {
    this.tests = tests;
    this.thresholds = thresholds;
  }

  Verdict verdict() {
    enoughRefusals();
    metricSeparates();
    HookPointTests decision = decisionLayer();
    String shared = firstSharedLayer();
    if (decision != null) {
      enoughReliability(decision);
      attributionReliable(decision);
      promptDrives(decision);
      effectFormStrong(decision);
      causeClear(decision);
    }
    Answer answer = Answer.INCONCLUSIVE;
    List<List<String>> clusters = List.of();
    List<String> reasons = doubts;
    if (doubts.isEmpty() && decision != null) {
      answer = answer(decision.cause());
      clusters = clusters(decision);
      reasons = List.of(sentence(answer, clusters, decision));
    }
    return new Verdict(
        answer,
        List.copyOf(reasons),
        clusters,
        decision == null ? null : decision.hookPoint(),
        shared,
        remark(answer, decision, shared),
        tests.hookPoints().stream().map(Verdict::profileOf).toList(),
        thresholdMap());
  }

  private void enoughRefusals() {
    int refused = IntStream.of(tests.refusedDiscovery()).sum() + IntStream.of(tests.refusedHeldout()).sum();
    if (refused == 0 && tests.auc().positives() > 0) {
      doubts.add(
          "no effects: the model refused %d of the harmful prompts, but nothing was attributed to them and no transfer was"
                  .formatted(tests.auc().positives())
              + " measured (too few refusals to seek circuits in every category, or circuit.attribution_method: stats, which"
              + " does neither)");
      return;
    }
    if (refused == 0) {
      doubts.add("no refusals: the model refused none of the harmful prompts, so there is no refusal to explain");
    }
    few("discovery", tests.refusedDiscovery(), thresholds.minDiscovery());
    few("held-out", tests.refusedHeldout(), thresholds.minHeldout());
    if (tests.categories().size() < 2) {
      doubts.add(
          "only one category (%s): sharing needs at least two".formatted(tests.categories().get(0)));
    }
    List<String> noGap = new ArrayList<>();
    for (int i = 0; i < tests.refusalGap().length; i++) {
      if (tests.refusedHeldout()[i] > 0 && !(tests.refusalGap()[i] > 0)) {
        noGap.add("%s (%s nats)".formatted(tests.categories().get(i), Sentences.number(tests.refusalGap()[i])));
      }
    }
    if (!noGap.isEmpty()) {
      doubts.add(
          "the refusal gap Delta, the unit of every drop, is not positive in %s".formatted(Sentences.list(noGap)));
    }
  }

  private void few(String split, int[] counts, int least) {
    List<String> few = new ArrayList<>();
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] < least) {
        few.add("%s (%d)".formatted(tests.categories().get(i), counts[i]));
      }
    }
    if (!few.isEmpty()) {
      doubts.add(
          "too few prompts: fewer than %d refused %s prompts in %s".formatted(least, split, Sentences.list(few)));
    }
  }

  private void metricSeparates() {
    double auc = tests.auc().value();
    if (Double.isNaN(auc)) {
      doubts.add(
          "whether m separates refused from complied prompts is unknown: "
              + UnjudgedMetric.why(tests.auc().positives(), tests.auc().negatives()));
    } else if (auc < thresholds.minAuc()) {
      doubts.add(
          "m does not separate refused from complied held-out prompts: AUC %s (95 %% interval %s) is below %s"
              .formatted(
                  Sentences.number(auc),
                  Sentences.interval(tests.auc().interval()),
                  Sentences.number(thresholds.minAuc())));
    }
  }

  private HookPointTests decisionLayer() {
    HookPointTests before = null;
    for (HookPointTests point : tests.hookPoints()) {
      double decided = point.decided().value();
      if (decided >= thresholds.decided()) {
        if (before == null) {
          doubts.add(
              "no decision layer: decided before %s, where %s of the refusal gap already hangs on the post-instruction"
                      .formatted(point.hookPoint(), Sentences.percent(decided))
                  + " positions: capture earlier layers");
          return null;
        }
        if (!(before.decided().value() < thresholds.decided())) {
          break;
        }
        return point;
      }
      before = point;
    }
    boolean measured = tests.hookPoints().stream().anyMatch(point -> !Double.isNaN(point.decided().value()));
    HookPointTests last = tests.hookPoints().isEmpty() ? null : tests.hookPoints().get(tests.hookPoints().size() - 1);
    doubts.add(
        !measured
            ? "no decision layer: it was not measured where the model decides"
            : "no decision layer: %s of the refusal gap is decided at %s, the last captured hook point, less than %s:"
                    .formatted(
                        Sentences.percent(last.decided().value()),
                        last.hookPoint(),
                        Sentences.percent(thresholds.decided()))
                + " capture later layers");
    return null;
  }

  /**
   * Where little is decided yet, one direction may read what is still detected category by category, and the effect form
   * then calls it one cause: there the latents must be shared too.
   */
  private String firstSharedLayer() {
    String first = null;
    for (int i = tests.hookPoints().size() - 1; i >= 0; i--) {
      HookPointTests point = tests.hookPoints().get(i);
      boolean undecided = point.decided().value() < thresholds.decided();
      if (point.cause() != Cause.ONE || undecided && !point.representation().equals("shared")) {
        break;
      }
      first = point.hookPoint();
    }
    return first;
  }

  private void enoughReliability(HookPointTests at) {
    unreliable(at, "effect vectors", at.effect());
    unreliable(at, "attributions", at.latents());
  }

  private void unreliable(HookPointTests at, String what, VectorTests vectors) {
    if (vectors == null) {
      doubts.add("the %s at %s were not measured".formatted(what, at.hookPoint()));
      return;
    }
    List<String> low = new ArrayList<>();
    double[] reliability = vectors.reliability().reliability();
    for (int i = 0; i < reliability.length; i++) {
      if (!(reliability[i] >= thresholds.minReliability())) {
        low.add("%s (%s)".formatted(tests.categories().get(i), Sentences.number(reliability[i])));
      }
    }
    if (!low.isEmpty()) {
      doubts.add(
          "the mean %s at %s are too noisy: reliability below %s in %s"
              .formatted(
                  what, at.hookPoint(), Sentences.number(thresholds.minReliability()), Sentences.list(low)));
    }
  }

  private void attributionReliable(HookPointTests at) {
    double completeness = at.completeness().value();
    double low = thresholds.completeness().get(0);
    double high = thresholds.completeness().get(1);
    if (!(completeness >= low && completeness <= high)) {
      doubts.add(
          "the attribution at %s is unreliable: completeness %s is outside %s to %s"
              .formatted(
                  at.hookPoint(),
                  Sentences.estimate(at.completeness()),
                  Sentences.number(low),
                  Sentences.number(high)));
    }
  }

  private void promptDrives(HookPointTests at) {
    double share = at.promptShare().value();
    if (!(share >= thresholds.minPromptShare())) {
      doubts.add(
          "refusal by default: at %s the prompt side carries %s of the refusal gap, less than %s; what the categories"
                  .formatted(
                      at.hookPoint(),
                      Sentences.estimate(at.promptShare()),
                      Sentences.number(thresholds.minPromptShare()))
              + " share is then the absence of what makes the model comply");
    }
  }

  private void effectFormStrong(HookPointTests at) {
    TransferTests effect = at.transfer(Form.EFFECT);
    if (effect == null) {
      doubts.add("the effect form of transfer at %s was not measured".formatted(at.hookPoint()));
    } else if (effect.weak() != null) {
      doubts.add("the effect form is weak at %s: %s".formatted(at.hookPoint(), effect.weak()));
    } else if (!effect.distinctness().interval().isDefined() && tests.categories().size() > 1) {
      doubts.add("D_effect is undefined at %s".formatted(at.hookPoint()));
    }
  }

  private void causeClear(HookPointTests at) {
    if (tests.categories().size() < 2) {
      return;
    }
    if (at.effect() != null && at.effect().share(PairKind.OPEN) > thresholds.maxOpenPairs()) {
      doubts.add(
          "pairs of categories open at %s: %d of %d (%s), more than %s: their intervals of S_effect cross %s or %s"
              .formatted(
                  at.hookPoint(),
                  at.effect().count(PairKind.OPEN),
                  at.effect().pairs().size(),
                  Sentences.percent(at.effect().share(PairKind.OPEN)),
                  Sentences.percent(thresholds.maxOpenPairs()),
                  Sentences.number(thresholds.distinct()),
                  Sentences.number(thresholds.shared())));
    }
    if (at.cause() == Cause.GRADED) {
      doubts.add("the cause is graded, neither one nor several nor clustered: " + at.causeReason());
    }
    TransferTests latent = at.transfer(Form.LATENT);
    if (at.cause() == Cause.SEVERAL
        && latent != null
        && latent.weak() == null
        && !latent.distinctness().interval().above(thresholds.severalCausesD())) {
      doubts.add(
          "the latent form does not say several causes at %s: D_latent is %s, not above %s"
              .formatted(
                  at.hookPoint(),
                  Sentences.estimate(latent.distinctness()),
                  Sentences.number(thresholds.severalCausesD())));
    }
  }

  private static Answer answer(Cause cause) {
    return switch (cause) {
      case ONE -> Answer.MONOLITHIC;
      case SEVERAL -> Answer.MODULAR;
      case CLUSTERED -> Answer.MIXED;
      case GRADED -> Answer.INCONCLUSIVE;
    };
  }

  private List<List<String>> clusters(HookPointTests at) {
    return switch (at.cause()) {
      case ONE -> List.of(tests.categories());
      case SEVERAL -> tests.categories().stream().map(List::of).toList();
      case CLUSTERED ->
          at.effect().clusters().stream()
              .map(cluster -> cluster.stream().map(tests.categories()::get).toList())
              .toList();
      case GRADED -> List.of();
    };
  }

  private String sentence(Answer answer, List<List<String>> clusters, HookPointTests at) {
    String claim =
        switch (answer) {
          case MONOLITHIC -> "refusal of all %d categories has one cause".formatted(tests.categories().size());
          case MODULAR -> "refusal of each of the %d categories has a cause of its own".formatted(clusters.size());
          case MIXED -> "refusal has %d causes, each shared by a cluster of categories".formatted(clusters.size());
          case INCONCLUSIVE -> throw new IllegalStateException("no claim without a clear cause");
        };
    return "%s: %s; the model decides there (%s of the refusal gap)"
        .formatted(claim, at.causeReason(), Sentences.estimate(at.decided()));
  }

  private String remark(Answer answer, HookPointTests decision, String shared) {
    List<String> remarks = new ArrayList<>();
    if (decision != null && answer == Answer.MONOLITHIC) {
      remarks.add(
          switch (decision.representation()) {
            case "shared" -> "the latents are shared by the categories too";
            case "split" ->
                "the latents are split by category although the cause is one: an autoencoder fuses a common cause with"
                    + " the category's evidence that accompanies it";
            default -> "whether the latents are shared or split by category is undecided";
          });
    }
    if (shared != null && decision != null && answer != Answer.MONOLITHIC && after(shared, decision)) {
      remarks.add("from %s on all categories share one cause: convergence after the decision, no evidence of sharing"
          .formatted(shared));
    }
    return String.join("; ", remarks);
  }

  private boolean after(String name, HookPointTests decision) {
    List<String> order = tests.hookPoints().stream().map(HookPointTests::hookPoint).toList();
    return order.indexOf(name) > order.indexOf(decision.hookPoint());
  }

  private Map<String, Object> thresholdMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("decided", thresholds.decided());
    map.put("shared", thresholds.shared());
    map.put("distinct", thresholds.distinct());
    map.put("pair_share", thresholds.pairShare());
    map.put("one_cause_d", thresholds.oneCauseD());
    map.put("several_causes_d", thresholds.severalCausesD());
    map.put("cluster_cut", thresholds.clusterCut());
    map.put("cluster_support", thresholds.clusterSupport());
    map.put("min_auc", thresholds.minAuc());
    map.put("min_discovery", thresholds.minDiscovery());
    map.put("min_heldout", thresholds.minHeldout());
    map.put("min_reliability", thresholds.minReliability());
    map.put("max_open_pairs", thresholds.maxOpenPairs());
    map.put("completeness", thresholds.completeness());
    map.put("min_prompt_share", thresholds.minPromptShare());
    map.put("weak_drop", thresholds.weakDrop());
    return map;
  }
}
