package org.refusal.verdict;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.refusal.config.StatsConfig;
import org.refusal.config.TransferForm;
import org.refusal.stats.Estimate;
import org.refusal.stats.Interval;
import org.refusal.stats.TransferStatistics;
import org.refusal.verdict.Verdict.Check;
import org.refusal.verdict.Verdict.Figure;

/** The rules of docs/definitions.md, one method per rule. */
final class Decision {
  /** How a command that runs the pipeline again begins. */
  static final String RUN = "refusal run --config ... ";
  private static final List<Answer> ALL = List.of(Answer.MONOLITHIC, Answer.MODULAR, Answer.MIXED, Answer.GRADED);
  /** Default refusal is remarked on when the interval of its rate lies above. */
  private static final double HIGH_DEFAULT = .2;

  private final SharingMeasures tests;
  private final StatsConfig.Verdict thresholds;
  private final CauseRule rule;
  private final DecisionLayer layer;
  private final List<String> doubts = new ArrayList<>();
  private final List<Step> steps = new ArrayList<>();
  private final List<Check> checks = new ArrayList<>();
  /** What doubts leave open that contradict the pairs at the decision layer; empty without one. */
  private final Set<Answer> contradicted = EnumSet.noneOf(Answer.class);

  /** What has to be run again for a step, the cheapest first. */
  enum Effort {
    EVALUATE,
    DISCOVER,
    COLLECT,
    MORE_PROMPTS
  }

  /** What would help, and what it costs. */
  record Step(Effort effort, String text) {}

  Decision(SharingMeasures tests, StatsConfig.Verdict thresholds) {
    this.tests = tests;
    this.thresholds = thresholds;
    this.rule = new CauseRule(thresholds, tests.categories());
    this.layer = DecisionLayer.of(tests, thresholds);
  }

  Verdict verdict() {
    enoughRefusals();
    metricSeparates();
    HookPointMeasures decision = layer.found();
    if (decision == null) {
      doubt(layer.doubt());
      if (refused() > 0) {
        steps.addAll(layer.steps());
      }
      checks.add(new Check("decision layer", "none", false));
    } else {
      checks.add(
          new Check(
              "decision layer",
              "%s, at least %s decided there".formatted(decision.hookPoint(), Sentences.percent(thresholds.decided())),
              true));
      enoughReliability(decision);
      attributionReliable(decision);
      effectFormStrong(decision);
      causeClear(decision);
      layerBelowAgrees(decision);
      neighboursAgree(decision);
    }
    reportDefaultRefusal();
    boolean decided = doubts.isEmpty() && decision != null;
    Answer answer = decided ? answer(decision.cause()) : Answer.INCONCLUSIVE;
    List<Answer> possible = decided ? List.of(answer) : possible(decision);
    String shared = firstSharedLayer();
    List<List<String>> clusters = decided ? clusters(decision) : List.of();
    Figure sharedPart = sharedPart(decision);
    if (!decided && decision != null) {
      morePrompts(decision);
    }
    return new Verdict(
        answer,
        headline(answer, possible, clusters, decision),
        possible,
        sharedPart,
        decision == null || decision.effect() == null
            ? Figure.undefined()
            : Figure.of(decision.effect().meanSimilarity()),
        facts(decision),
        List.copyOf(checks),
        decided ? List.of(sentence(answer, clusters, decision)) : List.copyOf(doubts),
        steps.stream().sorted(Comparator.comparing(Step::effort)).map(Step::text).distinct().toList(),
        clusters,
        tests.leftOut(),
        decision == null ? null : decision.hookPoint(),
        shared,
        remark(answer, decision, shared),
        pairs(decision),
        layers(),
        tests.hookPoints().stream().map(Verdict::profileOf).toList(),
        thresholdMap());
  }

  private void doubt(String reason) {
    doubts.add(reason);
  }

  private void step(Effort effort, String text) {
    steps.add(new Step(effort, text));
  }

  private void enoughRefusals() {
    int refused = refused();
    if (refused == 0 && tests.auc().positives() > 0) {
      doubt(
          "no effects: the model refused %d of the harmful held-out prompts, but nothing was attributed and no transfer was"
                  .formatted(tests.auc().positives())
              + " measured (too few refusals to seek circuits in every category, or circuit.attribution_method: stats, which"
              + " does neither)");
      step(
          Effort.DISCOVER,
          "add harmful prompts that the model refuses, or attribute: " + RUN + "--set circuit.attribution_method=ig");
      return;
    }
    if (refused == 0) {
      doubt("no refusals: the model refused none of the harmful prompts, so there is no refusal to explain");
      step(Effort.MORE_PROMPTS, "use harmful prompts that this model refuses, or a model that refuses these");
      return;
    }
    few("discovery", tests.refusedDiscovery(), thresholds.minDiscovery());
    few("held-out", tests.refusedHeldout(), thresholds.minHeldout());
    if (tests.categories().size() < 2) {
      doubt("only one category (%s): sharing needs at least two".formatted(tests.categories().get(0)));
    }
    List<String> noGap = new ArrayList<>();
    for (int i = 0; i < tests.refusalGap().length; i++) {
      if (tests.refusedHeldout()[i] > 0 && !(tests.refusalGap()[i] > 0)) {
        noGap.add("%s (%s nats)".formatted(tests.categories().get(i), Sentences.number(tests.refusalGap()[i])));
      }
    }
    if (!noGap.isEmpty()) {
      doubt("the refusal gap Delta, the unit of every drop, is not positive in %s".formatted(Sentences.list(noGap)));
    }
  }

  private int refused() {
    return IntStream.of(tests.refusedDiscovery()).sum() + IntStream.of(tests.refusedHeldout()).sum();
  }

  private void few(String split, int[] counts, int least) {
    List<String> few = new ArrayList<>();
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] < least) {
        few.add("%s (%d)".formatted(tests.categories().get(i), counts[i]));
      }
    }
    int fewest = IntStream.of(counts).min().orElse(0);
    checks.add(
        new Check(
            "refused %s prompts".formatted(split),
            "%s per category, at least %d".formatted(range(counts), least),
            fewest >= least));
    if (!few.isEmpty()) {
      doubt("too few prompts: fewer than %d refused %s prompts in %s".formatted(least, split, Sentences.list(few)));
      step(
          Effort.MORE_PROMPTS,
          "add harmful prompts that the model refuses: at least %d refused %s prompts per category (now %s)"
              .formatted(least, split, Sentences.list(few)));
    }
  }

  private static String range(int[] counts) {
    int least = IntStream.of(counts).min().orElse(0);
    int most = IntStream.of(counts).max().orElse(0);
    return least == most ? Integer.toString(least) : least + " to " + most;
  }

  private void metricSeparates() {
    double auc = tests.auc().value();
    boolean holds = auc >= thresholds.minAuc();
    checks.add(
        new Check(
            "m tells refused from answered prompts",
            Double.isNaN(auc)
                ? "not measured"
                : "AUC %s, at least %s, on %d refused and %d answered held-out prompts"
                    .formatted(
                        Sentences.brief(new Estimate(auc, tests.auc().interval())),
                        Sentences.number(thresholds.minAuc()), tests.auc().positives(), tests.auc().negatives()),
            Double.isNaN(auc) ? null : (Boolean) holds));
    if (Double.isNaN(auc)) {
      doubt(
          "whether m separates refused from complied prompts is unknown: "
              + UnjudgedMetric.why(tests.auc().positives(), tests.auc().negatives()));
    } else if (!holds) {
      doubt(
          "m does not separate refused from complied held-out prompts: AUC %s (95 %% interval %s) is below %s"
              .formatted(
                  Sentences.number(auc),
                  Sentences.interval(tests.auc().interval()),
                  Sentences.number(thresholds.minAuc())));
    }
  }

  private void enoughReliability(HookPointMeasures at) {
    if (at.effect() == null) {
      doubt("the effect vectors at %s were not measured".formatted(at.hookPoint()));
      return;
    }
    List<String> low = new ArrayList<>();
    double[] reliability = at.effect().reliability().reliability();
    for (int i = 0; i < reliability.length; i++) {
      if (!(reliability[i] >= thresholds.minReliability())) {
        low.add("%s (%s)".formatted(tests.categories().get(i), Sentences.number(reliability[i])));
      }
    }
    checks.add(
        new Check(
            "reliability of the effect vectors",
            "%s in the noisiest category, at least %s"
                .formatted(Sentences.number(least(reliability)), Sentences.number(thresholds.minReliability())),
            low.isEmpty()));
    if (!low.isEmpty()) {
      doubt(
          "the mean effect vectors at %s are too noisy: reliability below %s in %s"
              .formatted(at.hookPoint(), Sentences.number(thresholds.minReliability()), Sentences.list(low)));
      step(Effort.MORE_PROMPTS, "add refused discovery prompts: means of more prompts are less noisy");
    }
  }

  /** NaN where any is: a category without a reliability is the noisiest. */
  private static double least(double[] values) {
    return Arrays.stream(values).reduce(Double.POSITIVE_INFINITY, Math::min);
  }

  private void attributionReliable(HookPointMeasures at) {
    double completeness = at.completeness().value();
    if (!Double.isFinite(completeness)) {
      checks.add(new Check("completeness of the attribution", "not measured", null));
      doubt("whether the attribution at %s can be trusted was not measured (no completeness)".formatted(at.hookPoint()));
      return;
    }
    double low = thresholds.completeness().get(0);
    double high = thresholds.completeness().get(1);
    boolean holds = completeness >= low && completeness <= high;
    checks.add(
        new Check(
            "completeness of the attribution",
            "%s, within %s to %s"
                .formatted(Sentences.brief(at.completeness()), Sentences.number(low), Sentences.number(high)),
            holds));
    if (!holds) {
      doubt(
          "the attribution at %s is unreliable: completeness %s is outside %s to %s"
              .formatted(
                  at.hookPoint(),
                  Sentences.estimate(at.completeness()),
                  Sentences.number(low),
                  Sentences.number(high)));
      step(
          Effort.DISCOVER,
          "integrate over more steps: " + RUN + "--set circuit.attribution_method=ig --set circuit.ig_steps=32");
    }
  }

  private void effectFormStrong(HookPointMeasures at) {
    TransferStatistics effect = at.transfer(TransferForm.EFFECT);
    if (effect == null) {
      doubt("the effect form of transfer at %s was not measured".formatted(at.hookPoint()));
      step(Effort.EVALUATE, "measure it: " + RUN + "--set transfer.forms=[effect,latent]");
      return;
    }
    checks.add(
        new Check(
            "own drop of the effect form",
            "%s, at least %s and above random directions (%s)"
                .formatted(
                    Sentences.brief(effect.ownDrop()), Sentences.number(thresholds.weakDrop()),
                    Sentences.brief(effect.controlDrop())),
            effect.weak() == null));
    if (effect.weak() != null) {
      doubt("the effect form is weak at %s: %s".formatted(at.hookPoint(), effect.weak()));
    } else if (!effect.distinctness().interval().isDefined() && tests.categories().size() > 1) {
      doubt("D_effect is undefined at %s".formatted(at.hookPoint()));
    }
  }

  private void causeClear(HookPointMeasures at) {
    TransferStatistics effect = at.transfer(TransferForm.EFFECT);
    if (tests.categories().size() < 2 || effect == null || !effect.usable()) {
      return;
    }
    checks.add(new Check("pairs of categories", counts(effect), at.cause() != Cause.OPEN));
    if (at.cause() == Cause.OPEN) {
      doubt("the intervals do not settle it: " + at.causeReason());
    }
    TransferStatistics latent = at.transfer(TransferForm.LATENT);
    if (at.cause() == Cause.SEVERAL
        && latent != null
        && latent.weak() == null
        && latent.distinctness().interval().below(thresholds.severalCausesD())) {
      contradicted.addAll(List.of(Answer.MODULAR, Answer.GRADED));
      doubt(
          "the latent form speaks against several causes at %s: D_latent is %s, below %s"
              .formatted(
                  at.hookPoint(),
                  Sentences.estimate(latent.distinctness()),
                  Sentences.number(thresholds.severalCausesD())));
      step(
          Effort.COLLECT,
          "look at better latents: a larger train-saes.sae.hidden_dim, or autoencoders trained on more tokens");
    }
  }

  private String counts(TransferStatistics effect) {
    Map<PairKind, Long> counts = new LinkedHashMap<>();
    for (PairKind kind : PairKind.values()) {
      counts.put(kind, effect.pairs().stream().filter(pair -> rule.kind(pair) == kind).count());
    }
    return "%d shared, %d distinct, %d partial, %d open"
        .formatted(
            counts.get(PairKind.SHARED), counts.get(PairKind.DISTINCT), counts.get(PairKind.PARTIAL),
            counts.get(PairKind.OPEN));
  }

  /**
   * Several mechanisms in the decision layer's own MLP converge inside it and look like one at its output; one layer below
   * they are still told apart.
   */
  private void layerBelowAgrees(HookPointMeasures decision) {
    if (decision.cause() != Cause.ONE || layer.number() == 0) {
      return;
    }
    if (layer.below() == null) {
      checks.add(new Check("layer below the decision layer", "not captured", null));
      contradicted.addAll(ALL);
      doubt(
          "one cause is seen at %s, but the layer below was not captured: mechanisms that meet inside layer %d would look like one"
              .formatted(decision.hookPoint(), layer.number()));
      step(Effort.COLLECT, "capture the layer below: " + DecisionLayer.command(layer.number()));
      return;
    }
    HookPointMeasures inside = DecisionLayer.point(tests, "residuals_mid_" + layer.number());
    List<HookPointMeasures> looked = new ArrayList<>(List.of(layer.below()));
    if (layer.jumpsWithin() && inside != null) {
      looked.add(inside);
    }
    for (HookPointMeasures point : looked) {
      agreesWithOneCause(decision, point);
    }
  }

  private void agreesWithOneCause(HookPointMeasures decision, HookPointMeasures point) {
    TransferStatistics effect = point.transfer(TransferForm.EFFECT);
    String name = "no several causes at " + point.hookPoint();
    if (effect == null) {
      checks.add(new Check(name, "the effect form was not measured", null));
      contradicted.addAll(ALL);
      doubt(
          "one cause is seen at %s, but the effect form at %s, the layer below, was not measured: mechanisms that meet inside layer %d would look like one"
              .formatted(decision.hookPoint(), point.hookPoint(), layer.number()));
      step(Effort.EVALUATE, "measure the effect form at all hook points: refusal evaluate --config FILE --set transfer.forms=[effect]");
      return;
    }
    boolean against =
        effect.usable() && effect.distinctness().interval().above(thresholds.severalCausesD());
    checks.add(
        new Check(
            name,
            effect.usable()
                ? "D_effect %s there, bar %s"
                    .formatted(Sentences.brief(effect.distinctness()), Sentences.number(thresholds.severalCausesD()))
                : "the effect form is weak there",
            !against));
    if (against) {
      contradicted.addAll(List.of(Answer.MONOLITHIC, Answer.MODULAR));
      contradicted.addAll(point.possible());
      doubt(
          "one cause at %s, where D_effect is %s, but several just below at %s, where it is %s: mechanisms that meet inside layer %d look like one after it"
              .formatted(
                  decision.hookPoint(),
                  Sentences.estimate(decision.transfer(TransferForm.EFFECT).distinctness()),
                  point.hookPoint(),
                  Sentences.estimate(effect.distinctness()),
                  layer.number()));
    }
  }

  /**
   * Where the interval of decided does not tell the decision layer from its neighbour, the answer must be the same at both:
   * one layer too late causes have met that are told apart one layer earlier.
   */
  private void neighboursAgree(HookPointMeasures decision) {
    boolean perhapsBelow =
        layer.below() != null && layer.decidedBelow().interval().high() >= thresholds.decided();
    HookPointMeasures above = DecisionLayer.point(tests, "residuals_" + (layer.number() + 1));
    boolean perhapsAbove = above != null && layer.decided().interval().low() < thresholds.decided();
    if (perhapsBelow) {
      neighbourAgrees(decision, layer.below());
    }
    if (perhapsAbove) {
      neighbourAgrees(decision, above);
    }
  }

  private void neighbourAgrees(HookPointMeasures decision, HookPointMeasures other) {
    boolean differs =
        decision.cause() != Cause.OPEN && other.cause() != Cause.OPEN && other.cause() != decision.cause();
    checks.add(
        new Check(
            "same answer at %s, which may be the decision layer too".formatted(other.hookPoint()),
            "decided %s; cause %s"
                .formatted(Sentences.estimate(other.decided()), other.cause().name().toLowerCase(Locale.ROOT)),
            !differs));
    if (differs) {
      contradicted.addAll(List.of(answer(decision.cause()), answer(other.cause())));
      doubt(
          "the decision layer is not told from its neighbour (decided %s at %s, %s at %s), and they do not agree: %s at the first, %s at the second"
              .formatted(
                  Sentences.estimate(decision.decided()), decision.hookPoint(), Sentences.estimate(other.decided()),
                  other.hookPoint(), answer(decision.cause()), answer(other.cause())));
      step(
          Effort.EVALUATE,
          "more prompts for the decision profile: refusal evaluate --config FILE --set evaluation.decision_prompts=40, then refusal stats");
    }
  }

  private void reportDefaultRefusal() {
    if (tests.byDefault() == null) {
      checks.add(new Check("refusal of prompts without content", "not asked", null));
    } else {
      checks.add(
          new Check(
              "refusal of prompts without content",
              "%d of %d, %s"
                  .formatted(
                      tests.byDefault().refused(), tests.byDefault().prompts(),
                      Sentences.brief(
                          new Estimate(
                              tests.byDefault().rate(),
                              new Interval(tests.byDefault().low(), tests.byDefault().high(), 0.95)))),
              null));
    }
  }

  /** What the evidence leaves open when it does not decide. */
  private List<Answer> possible(HookPointMeasures decision) {
    boolean unread =
        decision == null
            || !(tests.auc().value() >= thresholds.minAuc())
            || Arrays.stream(tests.refusalGap()).anyMatch(gap -> !(gap > 0));
    List<Answer> open =
        unread ? ALL : contradicted.isEmpty() ? decision.possible() : List.copyOf(contradicted);
    return tests.categories().size() < 3 ? open.stream().filter(answer -> answer != Answer.MIXED).toList() : open;
  }

  /** How many more prompts would move the interval of D off the bar that it crosses: widths fall as 1 / sqrt(n). */
  private void morePrompts(HookPointMeasures decision) {
    TransferStatistics effect = decision.transfer(TransferForm.EFFECT);
    if (decision.cause() != Cause.OPEN || effect == null || !effect.usable()) {
      return;
    }
    double factor = 1;
    boolean near = false;
    Estimate distinctness = effect.distinctness();
    for (double bar : new double[] {thresholds.oneCauseD(), thresholds.severalCausesD()}) {
      if (distinctness.interval().contains(bar)) {
        double half =
            bar > distinctness.value()
                ? distinctness.interval().high() - distinctness.value()
                : distinctness.value() - distinctness.interval().low();
        double needed = half / Math.abs(bar - distinctness.value());
        near |= !(needed * needed < 16);
        factor = Math.max(factor, needed * needed);
      }
    }
    for (TransferStatistics.Pair pair : effect.pairs()) {
      if (rule.kind(pair) == PairKind.OPEN && pair.interval95().isDefined()) {
        double bar = nearest(pair.transfer());
        double half = (pair.interval95().high() - pair.interval95().low()) / 2;
        factor = Math.max(factor, Math.min(16, Math.pow(half / Math.abs(bar - pair.transfer()), 2)));
      }
    }
    int now = IntStream.of(tests.refusedHeldout()).min().orElse(0);
    int wanted = (int) Math.ceil(now * factor);
    step(
        Effort.MORE_PROMPTS,
        near
            ? "D_effect lies so near a bar (%s) that more prompts would hardly settle it"
                .formatted(Sentences.brief(distinctness))
            : "add refused prompts: about %d held out per category (now %d), and as many times more to discover on; intervals narrow as 1 / sqrt(n)"
                .formatted(Math.max(wanted, now + 1), now));
  }

  private double nearest(double transfer) {
    return Math.abs(transfer - thresholds.shared()) < Math.abs(transfer - thresholds.distinct())
        ? thresholds.shared()
        : thresholds.distinct();
  }

  private static Answer answer(Cause cause) {
    return switch (cause) {
      case ONE -> Answer.MONOLITHIC;
      case SEVERAL -> Answer.MODULAR;
      case CLUSTERED -> Answer.MIXED;
      case GRADED -> Answer.GRADED;
      case OPEN -> throw new IllegalStateException("no answer without a clear cause");
    };
  }

  private List<List<String>> clusters(HookPointMeasures at) {
    return switch (at.cause()) {
      case ONE -> List.of(tests.categories());
      case SEVERAL -> tests.categories().stream().map(List::of).toList();
      case CLUSTERED ->
          at.transfer(TransferForm.EFFECT).clusters().stream()
              .map(cluster -> cluster.stream().map(tests.categories()::get).toList())
              .toList();
      case GRADED, OPEN -> List.of();
    };
  }

  private Figure sharedPart(HookPointMeasures decision) {
    TransferStatistics effect = decision == null ? null : decision.transfer(TransferForm.EFFECT);
    return effect == null || !effect.usable() ? Figure.undefined() : Figure.of(effect.distinctness()).complement();
  }

  private String headline(
      Answer answer, List<Answer> possible, List<List<String>> clusters, HookPointMeasures decision) {
    int count = tests.categories().size();
    TransferStatistics effect = decision == null ? null : decision.transfer(TransferForm.EFFECT);
    String shared = effect == null ? "" : Sentences.share(complement(effect.distinctness()));
    return answer
        + ": "
        + switch (answer) {
          case MONOLITHIC ->
              "in this model one mechanism stops %s; about %s of it is shared.".formatted(all(count), shared);
          case MODULAR ->
              "in this model each of the %s categories is stopped by a mechanism of its own; about %s of it is shared."
                  .formatted(Sentences.count(count), shared);
          case MIXED ->
              "in this model %s mechanisms stop %s: %s; about %s of each is shared within its group, %s between groups."
                  .formatted(
                      Sentences.count(clusters.size()), all(count), rule.names(effect.clusters()),
                      Sentences.share(effect.within()), Sentences.share(effect.between()));
          case GRADED ->
              "in this model about %s of what makes it refuse a category is common to %s; the rest is each category's own."
                  .formatted(shared, all(count));
          case INCONCLUSIVE -> unsettled(count, possible);
        };
  }

  private static String all(int categories) {
    return categories == 2 ? "both categories" : "all %s categories".formatted(Sentences.count(categories));
  }

  private String unsettled(int count, List<Answer> possible) {
    if (refused() == 0) {
      return tests.auc().positives() > 0
          ? "no cause of this model's refusals was measured."
          : "this model refused none of the harmful prompts, so there is no refusal to explain.";
    }
    if (count == 1) {
      return "one category alone (%s) cannot show what categories share.".formatted(tests.categories().get(0));
    }
    String open = Sentences.choice(possible.stream().map(Answer::name).toList());
    boolean anything = possible.containsAll(ALL.stream().filter(answer -> count > 2 || answer != Answer.MIXED).toList());
    return "this evidence does not settle whether one mechanism stops %s; %s."
        .formatted(
            all(count),
            anything
                ? "no answer is ruled out"
                : possible.size() == 1 ? "only %s remains possible".formatted(open) : "still possible: " + open);
  }

  private static Estimate complement(Estimate estimate) {
    Interval interval = estimate.interval();
    return new Estimate(
        1 - estimate.value(), new Interval(1 - interval.high(), 1 - interval.low(), interval.level()));
  }

  private List<String> facts(HookPointMeasures decision) {
    List<String> facts = new ArrayList<>();
    if (decision == null) {
      return facts;
    }
    facts.add(
        "The model decides at %s: the positions after the user's text carry %s of the refusal gap there%s."
            .formatted(
                decision.hookPoint(), Sentences.percent(layer.decided()),
                layer.decidedBelow() == null
                    ? ""
                    : ", %s one layer below".formatted(Sentences.percent(layer.decidedBelow()))));
    TransferStatistics effect = decision.transfer(TransferForm.EFFECT);
    if (effect != null && effect.usable()) {
      facts.add(
          "Removing what it reads in one category takes away %s of that category's refusal gap, and %s as much of another's (the shared part)."
              .formatted(
                  Sentences.percent(effect.ownDrop()),
                  Sentences.percent(complement(effect.distinctness()))));
    }
    if (decision.readout() != null && decision.readout().spectrum().length > 0) {
      facts.add(readOut(decision.readout()));
    }
    return facts;
  }

  private static String readOut(SharingEvidence.ReadoutSummary readout) {
    String spectrum =
        "spectrum %s; noise floor %s"
            .formatted(
                String.join(" ", Arrays.stream(readout.spectrum()).mapToObj(Sentences::significant).toList()),
                Sentences.significant(readout.floor()));
    return readout.countKnown()
        ? "The layers above read refusal along %s distinct direction%s (%s)."
            .formatted(Sentences.count(readout.distinct()), readout.distinct() == 1 ? "" : "s", spectrum)
        : "The prompts are too few to count the directions along which the layers above read refusal (%s)."
            .formatted(spectrum);
  }

  private String sentence(Answer answer, List<List<String>> clusters, HookPointMeasures at) {
    String claim =
        switch (answer) {
          case MONOLITHIC -> "refusal of all %d categories has one cause".formatted(tests.categories().size());
          case MODULAR -> "refusal of each of the %d categories has a cause of its own".formatted(clusters.size());
          case MIXED -> "refusal has %d causes, each shared by a cluster of categories".formatted(clusters.size());
          case GRADED -> "the categories' causes are in part common and in part their own";
          case INCONCLUSIVE -> throw new IllegalStateException("no claim without a clear cause");
        };
    return "%s: %s; the model decides there (%s of the refusal gap)"
        .formatted(claim, at.causeReason(), Sentences.estimate(layer.decided()));
  }

  /**
   * The first captured residuals_N from which on every one has one cause. Where little is decided yet, one direction may read
   * what is still detected category by category, and the effect form then calls it one cause: there the latents must be
   * shared too.
   */
  private String firstSharedLayer() {
    String first = null;
    for (int i = tests.hookPoints().size() - 1; i >= 0; i--) {
      HookPointMeasures point = tests.hookPoints().get(i);
      if (!point.hookPoint().matches("residuals_\\d+")) {
        continue;
      }
      boolean undecided = point.decided().value() < thresholds.decided();
      if (point.cause() != Cause.ONE || undecided && !point.representation().equals("shared")) {
        break;
      }
      first = point.hookPoint();
    }
    return first;
  }

  private String remark(Answer answer, HookPointMeasures decision, String shared) {
    List<String> remarks = new ArrayList<>();
    if (tests.byDefault() != null && tests.byDefault().low() > HIGH_DEFAULT) {
      remarks.add(
          "the model refuses %d of %d prompts without content: what the categories share is in part a lack of evidence of harmlessness"
              .formatted(tests.byDefault().refused(), tests.byDefault().prompts()));
    }
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
    if (decision != null && layer.jumpsWithin() && layer.number() > 0
        && DecisionLayer.point(tests, "residuals_mid_" + layer.number()) == null) {
      remarks.add(
          "nearly all is decided within layer %d: residuals_mid_%d, between its attention and its MLP, was not captured"
              .formatted(layer.number(), layer.number()));
    }
    if (shared != null && decision != null && answer != Answer.MONOLITHIC && after(shared, decision)) {
      remarks.add("from %s on all categories share one cause: convergence after the decision, no evidence of sharing"
          .formatted(shared));
    }
    return String.join("; ", remarks);
  }

  private boolean after(String name, HookPointMeasures decision) {
    List<String> order = tests.hookPoints().stream().map(HookPointMeasures::hookPoint).toList();
    return order.indexOf(name) > order.indexOf(decision.hookPoint());
  }

  private List<Verdict.PairEntry> pairs(HookPointMeasures decision) {
    TransferStatistics effect = decision == null ? null : decision.transfer(TransferForm.EFFECT);
    return effect == null
        ? List.of()
        : effect.pairs().stream()
            .map(pair ->
                new Verdict.PairEntry(
                    List.of(tests.categories().get(pair.i()), tests.categories().get(pair.j())),
                    new Figure(pair.transfer(), pair.interval95().low(), pair.interval95().high()),
                    rule.kind(pair)))
            .toList();
  }

  private List<Verdict.LayerEntry> layers() {
    return tests.layers().stream()
        .map(each ->
            new Verdict.LayerEntry(
                each.hookPoint(), Figure.of(each.decided()), DecisionLayer.point(tests, each.hookPoint()) != null))
        .toList();
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
    map.put("cluster_gap", thresholds.clusterGap());
    map.put("min_auc", thresholds.minAuc());
    map.put("min_discovery", thresholds.minDiscovery());
    map.put("min_heldout", thresholds.minHeldout());
    map.put("min_reliability", thresholds.minReliability());
    map.put("completeness", thresholds.completeness());
    map.put("weak_drop", thresholds.weakDrop());
    return map;
  }
}
