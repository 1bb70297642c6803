package org.refusal.verdict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.refusal.verdict.HandMadeEvidence.clusters;
import static org.refusal.verdict.HandMadeEvidence.uniform;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.config.Binder;
import org.refusal.config.StatsConfig;
import org.refusal.io.Json;
import org.refusal.stats.GramMatrix;
import org.refusal.verdict.SharingEvidence.AtHookPoint;

/** One test per rule of docs/definitions.md, on evidence put together by hand. */
public class VerdictTest {
  /** As shipped. */
  public static final StatsConfig.Verdict THRESHOLDS =
      Binder.bind(StatsConfig.Verdict.class, Binder.empty(), Map.<String, String>of()::get);

  static StatsConfig config() {
    return new StatsConfig(null, new StatsConfig.Stats(List.of(), 99, 200, false, List.of()), THRESHOLDS, null, 5);
  }

  private static Verdict verdict(SharingEvidence evidence) {
    return Verdict.decide(SharingMeasures.run(evidence, config(), 2), THRESHOLDS);
  }

  private static Verdict verdict(HandMadeEvidence evidence) {
    return verdict(evidence.make());
  }

  /** Decided at residuals_2, with the same transfer at residuals_1 and 3. */
  private static HandMadeEvidence three(double[][] transfer) {
    return new HandMadeEvidence(transfer.length)
        .at("residuals_1", .1, transfer)
        .at("residuals_2", .7, transfer)
        .at("residuals_3", 1, transfer);
  }

  @Test
  void oneCauseIsMonolithic() {
    Verdict verdict = verdict(three(uniform(4, .95)));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.MONOLITHIC);
    assertThat(verdict.possible()).containsExactly(Answer.MONOLITHIC);
    assertThat(verdict.headline())
        .startsWith("MONOLITHIC: in this model one mechanism stops all four categories; about 9")
        .endsWith("of it is shared.");
    assertThat(verdict.sharedPart().value()).isCloseTo(.95, within(.03));
    assertThat(verdict.sharedPart().low()).isGreaterThan(.85).isLessThan(verdict.sharedPart().value());
    assertThat(verdict.decisionLayer()).isEqualTo("residuals_2");
    assertThat(verdict.firstSharedLayer()).isEqualTo("residuals_1");
    assertThat(verdict.remark()).contains("latents are shared");
    assertThat(verdict.clusters()).containsExactly(List.of("category-a", "category-b", "category-c", "category-d"));
    assertThat(verdict.reasons()).singleElement().asString()
        .contains("refusal of all 4 categories has one cause", "pairs of categories (6 in all): 6 shared", "D_effect is");
    assertThat(verdict.nextSteps()).isEmpty();
    assertThat(verdict.pairs()).hasSize(6).allMatch(pair -> pair.kind() == PairKind.SHARED);
    assertThat(verdict.checks()).filteredOn(check -> check.holds() != null).allMatch(Verdict.Check::holds);
    assertThat(verdict.facts()).hasSize(3);
    assertThat(verdict.text()).contains("\nverdict: MONOLITHIC\n");
  }

  @Test
  void causesOfTheirOwnAreModular() {
    Verdict verdict = verdict(three(uniform(4, .1)));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.MODULAR);
    assertThat(verdict.headline()).startsWith("MODULAR: in this model each of the four categories is stopped");
    assertThat(verdict.clusters()).hasSize(4).allMatch(cluster -> cluster.size() == 1);
    assertThat(verdict.sharedPart().value()).isCloseTo(.1, within(.03));
    assertThat(verdict.firstSharedLayer()).isNull();
    assertThat(verdict.pairs()).allMatch(pair -> pair.kind() == PairKind.DISTINCT);
  }

  @Test
  void clustersAreMixed() {
    Verdict verdict = verdict(three(clusters(.95, .2, 2, 3)));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.MIXED);
    assertThat(verdict.clusters())
        .containsExactly(
            List.of("category-a", "category-b"), List.of("category-c", "category-d", "category-e"));
    assertThat(verdict.headline())
        .startsWith("MIXED: in this model two mechanisms stop all five categories: {category-a, category-b} and");
    assertThat(verdict.reasons()).singleElement().asString().contains("bootstrap support of at least 1.00");
  }

  @Test
  void partlyCommonIsGraded() {
    Verdict verdict = verdict(three(uniform(4, .65)));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.GRADED);
    assertThat(verdict.clusters()).isEmpty();
    assertThat(verdict.sharedPart().value()).isCloseTo(.65, within(.03));
    assertThat(verdict.headline())
        .startsWith("GRADED: in this model about 6").contains("is common to all four categories; the rest");
    assertThat(verdict.pairs()).allMatch(pair -> pair.kind() == PairKind.PARTIAL);
    assertThat(verdict.possible()).containsExactly(Answer.GRADED);
  }

  /** Sharp measurements tell .68 and .62 apart, at a cut of .65; that is no reason to speak of two mechanisms. */
  @Test
  void whatDiffersByLittleMakesNoClusters() {
    Verdict verdict = verdict(three(HandMadeEvidence.clusters(.68, .62, 2, 3)).spread(.001));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.GRADED);
    assertThat(verdict.possible()).containsExactly(Answer.GRADED);
    Verdict apart = verdict(three(HandMadeEvidence.clusters(.75, .55, 2, 3)).spread(.001));
    assertThat(apart.answer()).as(apart.text()).isEqualTo(Answer.MIXED);
  }

  @Test
  void similarityDescribesAndDoesNotDecide() {
    // one vector for all: S = 1; yet no part takes anything from another category
    SharingEvidence modular = three(uniform(3, .05)).make();
    double[][] alike = new double[90][];
    Arrays.fill(alike, new double[] {1, 2});
    Verdict verdict = verdict(withVectors(modular, GramMatrix.ofDense(alike, 1)));
    assertThat(verdict.similarity().value()).isCloseTo(1, within(1e-9));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.MODULAR);
  }

  @Test
  void wideIntervalsLeaveWhatTheyCross() {
    Verdict verdict = verdict(three(uniform(3, .78)).spread(.25).prompts(30, 8));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(verdict.possible()).contains(Answer.GRADED, Answer.MONOLITHIC).doesNotContain(Answer.MODULAR);
    assertThat(verdict.reasons()).singleElement().asString()
        .startsWith("the intervals do not settle it: at residuals_2, pairs of categories (3 in all)");
    assertThat(verdict.headline()).contains("still possible: MONOLITHIC");
    assertThat(verdict.nextSteps()).singleElement().asString()
        .startsWith("add refused prompts: about ").contains("held out per category (now 8)");
    assertThat(verdict.sharedPart().value()).isBetween(.4, 1.);
  }

  @Test
  void twoCategoriesMakeNoClusters() {
    assertThat(verdict(three(uniform(2, .95))).answer()).isEqualTo(Answer.MONOLITHIC);
    assertThat(verdict(three(uniform(2, .05))).answer()).isEqualTo(Answer.MODULAR);
    assertThat(verdict(three(uniform(2, .65))).answer()).isEqualTo(Answer.GRADED);
    Verdict open = verdict(three(uniform(2, .65)).spread(.6).prompts(30, 8));
    assertThat(open.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(open.possible()).doesNotContain(Answer.MIXED);
    assertThat(open.headline()).contains("stops both categories");
  }

  // --- where the model decides -----------------------------------------------------------------------------------

  @Test
  void aJumpOverTheDecisionIsInconclusive() {
    Verdict verdict =
        verdict(
            new HandMadeEvidence(4)
                .at("residuals_1", -.03, uniform(4, 0))
                .at("residuals_3", 1, uniform(4, 1)));
    assertThat(verdict.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(verdict.decisionLayer()).isNull();
    assertThat(verdict.reasons()).singleElement().asString()
        .startsWith("no decision layer: it lies between residuals_1 (-3 % decided) and residuals_3 (100 %)");
    assertThat(verdict.nextSteps())
        .containsExactly("capture them: refusal run --config ... --set model.activation_layers=[residuals_1-3]");
    assertThat(verdict.possible())
        .containsExactly(Answer.MONOLITHIC, Answer.MODULAR, Answer.MIXED, Answer.GRADED);
    assertThat(verdict.sharedPart().value()).isNaN();
  }

  @Test
  void whatBlocksAddNeverTakesPartInFindingTheDecision() {
    // without the rule, mlp_1 (0 decided) would pass for the layer before the decision
    Verdict verdict =
        verdict(new HandMadeEvidence(4).at("mlp_1", 0, uniform(4, 0)).at("residuals_3", 1, uniform(4, 1)));
    assertThat(verdict.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(verdict.reasons()).singleElement().asString()
        .startsWith("no decision layer: decided before residuals_3").contains("100 % of the refusal gap");
    assertThat(verdict.profile()).extracting(Verdict.ProfileEntry::hookPoint).containsExactly("mlp_1", "residuals_3");

    Verdict late =
        verdict(
            new HandMadeEvidence(4)
                .at("attention_1", .9, uniform(4, 0))
                .at("residuals_1", .1, uniform(4, .95))
                .at("attention_2", .0, null)
                .at("mlp_2", .95, uniform(4, 0))
                .at("residuals_2", .7, uniform(4, .95))
                .at("mlp_3", .05, uniform(4, 0)));
    assertThat(late.answer()).as(late.text()).isEqualTo(Answer.MONOLITHIC);
    assertThat(late.decisionLayer()).isEqualTo("residuals_2");
    assertThat(late.firstSharedLayer()).as("mlp_3 and mlp_2 do not cut it off").isEqualTo("residuals_1");
    assertThat(late.profile()).hasSize(6);

    Verdict onlyBlocks = verdict(new HandMadeEvidence(4).at("mlp_1", .9, uniform(4, 1)));
    assertThat(onlyBlocks.reasons()).singleElement().asString().contains("no residuals_N was evaluated");
  }

  @Test
  void allLayersTellThatTheDecisionLayerWasNotCaptured() {
    Verdict verdict =
        verdict(
            new HandMadeEvidence(4)
                .layers(0, .05, .1, .6, .9, 1)
                .at("residuals_2", .1, uniform(4, .1))
                .at("residuals_4", .9, uniform(4, .95)));
    assertThat(verdict.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(verdict.reasons()).singleElement().asString()
        .isEqualTo("decided at residuals_3 (60 % of the refusal gap, after 10 % one layer below), which was not captured");
    assertThat(verdict.nextSteps())
        .containsExactly("capture it: refusal run --config ... --set model.activation_layers=[residuals_2,residuals_3]");
    assertThat(verdict.layers()).hasSize(6);
    assertThat(verdict.layers().get(4).captured()).isTrue();
    assertThat(verdict.layers().get(3).captured()).isFalse();
    assertThat(verdict.layers().get(3).decided().value()).isCloseTo(.6, within(1e-12));
  }

  @Test
  void allLayersFindTheDecisionThatCapturedOnesBracketOnlyLoosely() {
    Verdict verdict =
        verdict(
            new HandMadeEvidence(4)
                .layers(0, .05, .3, .6, .9)
                .at("residuals_0", 0, uniform(4, .95))
                .at("residuals_2", .3, uniform(4, .95))
                .at("residuals_3", .6, uniform(4, .95)));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.MONOLITHIC);
    assertThat(verdict.decisionLayer()).isEqualTo("residuals_3");
    assertThat(verdict.facts().get(0)).startsWith("The model decides at residuals_3:").contains("60 % [60, 60]", "30 % [30, 30] one layer below");
  }

  @Test
  void nothingDecidedAnywhere() {
    Verdict captured = verdict(new HandMadeEvidence(3).at("residuals_1", .1, uniform(3, .9)));
    assertThat(captured.reasons()).singleElement().asString().contains("later layers were not looked at");
    assertThat(captured.nextSteps()).singleElement().asString().contains("--find-layers");
    Verdict all = verdict(new HandMadeEvidence(3).layers(0, .1, .2).at("residuals_1", .1, uniform(3, .9)));
    assertThat(all.reasons()).singleElement().asString()
        .endsWith("does not pass through the positions after the user's text");
  }

  @Test
  void decidedThatWasNotMeasuredIsNotReadAsUndecided() {
    Verdict verdict =
        verdict(
            new HandMadeEvidence(3)
                .at("residuals_1", .1, uniform(3, .9))
                .at("residuals_2", Double.NaN, uniform(3, .9))
                .at("residuals_3", 1, uniform(3, .9)));
    assertThat(verdict.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(verdict.reasons()).singleElement().asString()
        .isEqualTo("no decision layer: how far the model has decided was not measured at residuals_2");
    assertThat(verdict.nextSteps()).doesNotContain("capture later layers");
    Verdict never = verdict(new HandMadeEvidence(3).at("residuals_1", Double.NaN, uniform(3, .9)));
    assertThat(never.reasons()).singleElement().asString().contains("where the model decides was not measured");
  }

  @Test
  void decidedFromTheFirstLayerOn() {
    Verdict first = verdict(new HandMadeEvidence(3).at("residuals_0", .7, uniform(3, .95)));
    assertThat(first.answer()).as("there is no layer below: " + first.text()).isEqualTo(Answer.MONOLITHIC);
    Verdict later = verdict(new HandMadeEvidence(3).at("residuals_5", .7, uniform(3, .95)));
    assertThat(later.reasons()).singleElement().asString().startsWith("no decision layer: decided before residuals_5");
  }

  // --- the layer below -------------------------------------------------------------------------------------------

  @Test
  void theLayerBelowSpeaksAgainstOneCause() {
    Verdict verdict =
        verdict(new HandMadeEvidence(4).at("residuals_1", .4, uniform(4, .1)).at("residuals_2", .9, uniform(4, .95)));
    assertThat(verdict.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(verdict.possible()).containsExactly(Answer.MONOLITHIC, Answer.MODULAR);
    assertThat(verdict.reasons()).singleElement().asString()
        .startsWith("one cause at residuals_2, where D_effect is 0.0")
        .contains("several just below at residuals_1, where it is 0.9");
    assertThat(verdict.checks())
        .anyMatch(check -> check.name().equals("no several causes at residuals_1") && !check.holds());
  }

  @Test
  void clustersBelowStayPossible() {
    Verdict verdict =
        verdict(
            new HandMadeEvidence(4)
                .at("residuals_1", .4, clusters(.95, .05, 2, 2))
                .at("residuals_2", .9, uniform(4, .95)));
    assertThat(verdict.possible()).containsExactly(Answer.MONOLITHIC, Answer.MODULAR, Answer.MIXED);
  }

  @Test
  void layersThatMayBothBeTheDecisionLayerMustAgree() {
    HandMadeEvidence evidence =
        new HandMadeEvidence(4)
            .layersSpread(.1, .1, .3, .51, 1)
            .at("residuals_1", .3, uniform(4, .95))
            .at("residuals_2", .51, uniform(4, .95));
    Verdict agreed = verdict(evidence.at("residuals_3", 1, uniform(4, .95)));
    assertThat(agreed.answer()).as(agreed.text()).isEqualTo(Answer.MONOLITHIC);
    assertThat(agreed.checks())
        .anyMatch(check -> check.name().startsWith("same answer at residuals_3") && check.holds());
    Verdict split =
        verdict(
            new HandMadeEvidence(4)
                .layersSpread(.1, .1, .3, .51, 1)
                .at("residuals_1", .3, uniform(4, .95))
                .at("residuals_2", .51, uniform(4, .95))
                .at("residuals_3", 1, uniform(4, .05)));
    assertThat(split.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(split.reasons()).singleElement().asString()
        .startsWith("the decision layer is not told from its neighbour (decided 0.51")
        .endsWith("MONOLITHIC at the first, MODULAR at the second");
    assertThat(split.possible()).containsExactly(Answer.MONOLITHIC, Answer.MODULAR);
  }

  @Test
  void whatTwoContradictionsLeaveOpenIsAllLeftOpen() {
    Verdict verdict =
        verdict(
            new HandMadeEvidence(4)
                .layersSpread(.1, .1, .3, .51, 1)
                .at("residuals_2", .51, uniform(4, .95))
                .at("residuals_3", 1, uniform(4, .05)));
    assertThat(verdict.reasons()).as(verdict.text()).hasSize(2);
    assertThat(verdict.reasons().get(0)).contains("the layer below was not captured");
    assertThat(verdict.reasons().get(1)).startsWith("the decision layer is not told from its neighbour");
    assertThat(verdict.possible())
        .as("a layer that was not looked at may hold anything")
        .containsExactly(Answer.MONOLITHIC, Answer.MODULAR, Answer.MIXED, Answer.GRADED);
  }

  @Test
  void aWeakLayerBelowDoesNotSpeakAgainstOneCause() {
    Verdict verdict =
        verdict(
            new HandMadeEvidence(4)
                .at("residuals_1", .1, uniform(4, .1)).ownDrop(.04)
                .at("residuals_2", .7, uniform(4, .95)));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.MONOLITHIC);
    Verdict distant =
        verdict(
            new HandMadeEvidence(4)
                .layers(0, .05, .3, .6)
                .at("residuals_0", 0, uniform(4, 0))
                .at("residuals_2", .3, uniform(4, .9))
                .at("residuals_3", .6, uniform(4, .95)));
    assertThat(distant.answer()).as("a distant layer never decides").isEqualTo(Answer.MONOLITHIC);
  }

  @Test
  void theLayerBelowMustBeLookedAt() {
    Verdict verdict = verdict(new HandMadeEvidence(4).layers(0, .1, .7, 1).at("residuals_2", .7, uniform(4, .95)));
    assertThat(verdict.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(verdict.possible()).startsWith(Answer.MONOLITHIC, Answer.MODULAR);
    assertThat(verdict.reasons()).singleElement().asString()
        .startsWith("one cause is seen at residuals_2, but the layer below was not captured");
    assertThat(verdict.nextSteps())
        .containsExactly("capture the layer below: refusal run --config ... --set model.activation_layers=[residuals_1,residuals_2]");

    Verdict unmeasured =
        verdict(new HandMadeEvidence(4).at("residuals_1", .1, null).at("residuals_2", .7, uniform(4, .95)));
    assertThat(unmeasured.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(unmeasured.reasons()).singleElement().asString()
        .contains("the effect form at residuals_1, the layer below, was not measured");

    Verdict modular = verdict(new HandMadeEvidence(4).layers(0, .1, .7, 1).at("residuals_2", .7, uniform(4, .1)));
    assertThat(modular.answer()).as("only one cause needs it").isEqualTo(Answer.MODULAR);
  }

  @Test
  void aDecisionWithinOneLayerIsRemarkedOn() {
    assertThat(verdict(three(uniform(3, .1))).remark()).doesNotContain("residuals_mid");
    Verdict verdict =
        verdict(new HandMadeEvidence(3).at("residuals_1", .1, uniform(3, .1)).at("residuals_2", .9, uniform(3, .1)));
    assertThat(verdict.answer()).isEqualTo(Answer.MODULAR);
    assertThat(verdict.remark()).contains("nearly all is decided within layer 2: residuals_mid_2");
  }

  @Test
  void convergenceAfterTheDecisionIsRemarkedOn() {
    Verdict verdict =
        verdict(
            new HandMadeEvidence(3)
                .at("residuals_1", .1, uniform(3, .1))
                .at("residuals_2", .6, uniform(3, .1))
                .at("residuals_3", 1, uniform(3, .95)));
    assertThat(verdict.answer()).isEqualTo(Answer.MODULAR);
    assertThat(verdict.firstSharedLayer()).isEqualTo("residuals_3");
    assertThat(verdict.remark())
        .contains("from residuals_3 on all categories share one cause: convergence after the decision");
  }

  @Test
  void whatIsDetectedApartBeforeTheDecisionIsNotShared() {
    SharingEvidence shared = three(uniform(4, .95)).make();
    GramMatrix apart = three(uniform(4, .05)).make().hookPoints().get(0).latents();
    List<AtHookPoint> points = new ArrayList<>(shared.hookPoints());
    AtHookPoint first = points.get(0);
    points.set(
        0,
        new AtHookPoint(
            first.at(), first.effect(), first.readout(), apart, first.attribution(), first.decidedDrops(),
            first.transfer()));

    Verdict verdict = verdict(withPoints(shared, points));

    assertThat(verdict.profile().get(0).cause()).as("read by one direction").isEqualTo(Cause.ONE);
    assertThat(verdict.firstSharedLayer()).isEqualTo("residuals_2");
  }

  // --- what must hold besides ------------------------------------------------------------------------------------

  @Test
  void theLatentFormSpeaksAgainstSeveralCausesOnlyFromBelow() {
    Verdict against = verdict(three(uniform(3, .1)).latent(uniform(3, .95)));
    assertThat(against.answer()).as("only at residuals_3").isEqualTo(Answer.MODULAR);
    Verdict below =
        verdict(
            new HandMadeEvidence(3)
                .at("residuals_1", .1, uniform(3, .1))
                .at("residuals_2", .7, uniform(3, .1)).latent(uniform(3, .8)));
    assertThat(below.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(below.reasons()).singleElement().asString()
        .startsWith("the latent form speaks against several causes at residuals_2: D_latent is 0.2");
    assertThat(below.possible()).containsExactly(Answer.MODULAR, Answer.GRADED);
    Verdict undecided =
        verdict(
            new HandMadeEvidence(3)
                .at("residuals_1", .1, uniform(3, .1))
                .at("residuals_2", .7, uniform(3, .1)).latent(uniform(3, .5)));
    assertThat(undecided.answer()).as("D_latent of .5 does not lie below .5").isEqualTo(Answer.MODULAR);
    Verdict absent =
        verdict(
            new HandMadeEvidence(3)
                .at("residuals_1", .1, uniform(3, .1))
                .at("residuals_2", .7, uniform(3, .1)).latent(null));
    assertThat(absent.answer()).isEqualTo(Answer.MODULAR);
  }

  @Test
  void aPromptSideThatWasNotMeasuredIsNoRefusalByDefault() {
    Verdict verdict =
        verdict(
            new HandMadeEvidence(3)
                .at("residuals_1", .1, uniform(3, .95)).promptShare(Double.NaN)
                .at("residuals_2", .7, uniform(3, .95)).promptShare(Double.NaN));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.MONOLITHIC);
    assertThat(verdict.text()).doesNotContain("refusal by default").doesNotContain("lack of evidence of harmlessness");
    assertThat(verdict.profile().get(1).promptShare().value()).isNaN();
    Verdict small =
        verdict(
            new HandMadeEvidence(3)
                .at("residuals_1", .1, uniform(3, .95)).promptShare(.05)
                .at("residuals_2", .7, uniform(3, .95)).promptShare(.05));
    assertThat(small.answer()).as("it describes and never vetoes").isEqualTo(Answer.MONOLITHIC);
  }

  @Test
  void refusalByDefaultIsAskedAndRemarkedOn() {
    Verdict verdict = verdict(three(uniform(3, .95)).byDefault(24, 30, .62, .9));
    assertThat(verdict.answer()).isEqualTo(Answer.MONOLITHIC);
    assertThat(verdict.remark())
        .startsWith("the model refuses 24 of 30 prompts without content: what the categories share is in part a lack of");
    assertThat(verdict.checks())
        .anyMatch(check -> check.name().equals("refusal of prompts without content") && check.holds() == null
            && check.value().equals("24 of 30, 0.80 [0.62, 0.90]"));
    assertThat(verdict(three(uniform(3, .95)).byDefault(2, 30, .02, .21)).remark()).doesNotContain("without content");
    assertThat(verdict(three(uniform(3, .95))).checks())
        .anyMatch(check -> check.name().equals("refusal of prompts without content")
            && check.value().equals("not asked"));
  }

  @Test
  void completenessOutsideAndCompletenessUnknownAreTwoReasons() {
    Verdict outside =
        verdict(
            new HandMadeEvidence(3)
                .at("residuals_1", .1, uniform(3, .95))
                .at("residuals_2", .7, uniform(3, .95)).completeness(.3));
    assertThat(outside.reasons()).singleElement().asString()
        .startsWith("the attribution at residuals_2 is unreliable: completeness 0.30");
    assertThat(outside.nextSteps()).containsExactly("integrate over more steps: refusal run --config ... --set circuit.attribution_method=ig --set circuit.ig_steps=32");
    assertThat(outside.possible()).containsExactly(Answer.MONOLITHIC);
    Verdict unknown =
        verdict(
            new HandMadeEvidence(3)
                .at("residuals_1", .1, uniform(3, .95))
                .at("residuals_2", .7, uniform(3, .95)).completeness(Double.NaN));
    assertThat(unknown.reasons()).singleElement().asString()
        .isEqualTo("whether the attribution at residuals_2 can be trusted was not measured (no completeness)");
    assertThat(unknown.text()).doesNotContain("unreliable");
  }

  @Test
  void aWeakEffectFormIsAReason() {
    Verdict verdict =
        verdict(
            new HandMadeEvidence(3)
                .at("residuals_1", .1, uniform(3, .95))
                .at("residuals_2", .7, uniform(3, .95)).ownDrop(.04));
    assertThat(verdict.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(verdict.reasons()).singleElement().asString()
        .startsWith("the effect form is weak at residuals_2: the own drop of 0.0");
    assertThat(verdict.possible())
        .containsExactly(Answer.MONOLITHIC, Answer.MODULAR, Answer.MIXED, Answer.GRADED);
    assertThat(verdict.sharedPart().value()).isNaN();
    Verdict absent =
        verdict(
            new HandMadeEvidence(3).at("residuals_1", .1, uniform(3, .95)).at("residuals_2", .7, null));
    assertThat(absent.reasons()).contains("the effect form of transfer at residuals_2 was not measured");
  }

  @Test
  void aMetricThatDoesNotSeparateIsAReason() {
    Verdict verdict = verdict(three(uniform(3, .95)).blindMetric());
    assertThat(verdict.reasons()).singleElement().asString()
        .startsWith("m does not separate refused from complied held-out prompts: AUC 0.");
    assertThat(verdict.possible()).hasSize(4);
    SharingEvidence good = three(uniform(3, .95)).make();
    SharingEvidence unknown =
        new SharingEvidence(
            good.model(), good.categories(), good.promptCategory(), good.promptTokens(), good.refusedMetric(),
            new double[0], good.heldoutGap(), null, good.hookPoints(), List.of(), null, null);
    assertThat(verdict(unknown).reasons()).singleElement().asString()
        .startsWith("whether m separates refused from complied prompts is unknown: all of the 40 held-out prompts were refused");
    Verdict both =
        verdict(
            new HandMadeEvidence(4).blindMetric()
                .at("residuals_1", .4, uniform(4, .1)).at("residuals_2", .9, uniform(4, .95)));
    assertThat(both.possible()).as("nothing is known where m means nothing").hasSize(4);
  }

  @Test
  void categoriesWithTooFewPromptsAreLeftOutByName() {
    Verdict verdict =
        verdict(three(uniform(5, .95)).prompts(1, 12, 12).prompts(3, 30, 5));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.MONOLITHIC);
    assertThat(verdict.leftOut())
        .containsExactlyEntriesOf(
            new TreeMap<>(
                Map.of(
                    "category-b", "12 refused discovery prompts, fewer than 20",
                    "category-d", "5 refused held-out prompts, fewer than 8")));
    assertThat(verdict.clusters()).containsExactly(List.of("category-a", "category-c", "category-e"));
    assertThat(verdict.headline()).contains("all three categories");
    assertThat(verdict.text()).contains("left out: category-b (12 refused discovery prompts, fewer than 20)");
    assertThat(verdict.pairs()).hasSize(3);
  }

  @Test
  void whereTooFewCategoriesWouldRemainTheAnswerIsOpen() {
    Verdict verdict = verdict(three(uniform(3, .95)).prompts(1, 12, 5));
    assertThat(verdict.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(verdict.leftOut()).isEmpty();
    assertThat(verdict.reasons())
        .containsExactly(
            "too few prompts: fewer than 20 refused discovery prompts in category-b (12)",
            "too few prompts: fewer than 8 refused held-out prompts in category-b (5)");
    assertThat(verdict.nextSteps())
        .hasSize(2)
        .allMatch(step -> step.startsWith("add harmful prompts that the model refuses: at least "));
    assertThat(verdict.possible()).containsExactly(Answer.MONOLITHIC);
  }

  @Test
  void everyReasonThatHoldsIsListed() {
    Verdict verdict =
        verdict(
            new HandMadeEvidence(3).prompts(10, 5).blindMetric()
                .at("residuals_1", .1, uniform(3, .95))
                .at("residuals_2", .7, uniform(3, .95)).completeness(2).ownDrop(.05));
    assertThat(verdict.reasons()).hasSize(5);
    assertThat(verdict.checks()).filteredOn(check -> Boolean.FALSE.equals(check.holds())).hasSizeGreaterThanOrEqualTo(5);
  }

  @Test
  void noisyVectorsAreAReason() {
    SharingEvidence good = three(uniform(2, .95)).make();
    Verdict empty = verdict(withVectors(good, GramMatrix.ofDense(new double[60][3], 1)));
    assertThat(empty.reasons()).singleElement().asString()
        .startsWith("the mean effect vectors at residuals_2 are too noisy: reliability below 0.30 in category-a");
    double[][] broken = new double[60][];
    Arrays.fill(broken, new double[] {Double.NaN, 2});
    assertThat(verdict(withVectors(good, GramMatrix.ofDense(broken, 1))).answer()).isEqualTo(Answer.INCONCLUSIVE);
    Verdict none =
        verdict(
            new HandMadeEvidence(3)
                .at("residuals_1", .1, uniform(3, .95))
                .at("residuals_2", .7, uniform(3, .95)).withoutVectors());
    assertThat(none.reasons()).singleElement().asString()
        .isEqualTo("the effect vectors at residuals_2 were not measured");
  }

  @Test
  void degenerateInputsHaveDefinedOutcomes() {
    Verdict one = verdict(three(uniform(1, 1)));
    assertThat(one.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(one.reasons()).anyMatch(reason -> reason.startsWith("only one category (category-a)"));

    SharingEvidence nothing =
        new SharingEvidence(
            "none", List.of("a", "b"), new int[0], new int[0], new double[0], new double[] {1}, new double[2][0],
            null,
            List.of(
                new AtHookPoint(
                    three(uniform(2, 1)).make().hookPoints().get(0).at(), null, null, null, null, new double[2][0],
                    Map.of())),
            List.of(), null, null);
    Verdict none = verdict(nothing);
    assertThat(none.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(none.reasons()).anyMatch(reason -> reason.startsWith("no refusals"));
    assertThat(none.possible()).doesNotContain(Answer.MIXED).hasSize(3);
  }

  // --- seeds and files -------------------------------------------------------------------------------------------

  @Test
  void seedsMustAgree() {
    Verdict one = verdict(three(uniform(3, .95)));
    Verdict other = verdict(three(uniform(3, .05)));
    Verdict undecided = verdict(three(uniform(3, .7)).spread(.5).prompts(30, 8));
    assertThat(undecided.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(Verdict.acrossSeeds(Map.of(1L, one))).isSameAs(one);
    Map<Long, Verdict> bySeed = new LinkedHashMap<>();
    bySeed.put(1L, one);
    bySeed.put(2L, one);
    assertThat(Verdict.acrossSeeds(bySeed).answer()).isEqualTo(Answer.MONOLITHIC);
    assertThat(Verdict.acrossSeeds(bySeed).reasons()).isEqualTo(one.reasons());
    assertThat(Verdict.acrossSeeds(bySeed).remark())
        .startsWith(one.remark())
        .endsWith("the same answer with 2 sets of autoencoders (seeds 1 and 2)");
    bySeed.put(3L, other);
    Verdict split = Verdict.acrossSeeds(bySeed);
    assertThat(split.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(split.clusters()).isEmpty();
    assertThat(split.possible()).containsExactly(Answer.MONOLITHIC, Answer.MODULAR);
    assertThat(split.nextSteps()).singleElement().asString().startsWith("train larger autoencoders");
    assertThat(split.reasons())
        .containsExactly("SAE seeds disagree: seed 1 MONOLITHIC, seed 2 MONOLITHIC and seed 3 MODULAR");
    bySeed.put(3L, undecided);
    assertThat(Verdict.acrossSeeds(bySeed).reasons())
        .contains("SAE seeds disagree: seed 1 MONOLITHIC, seed 2 MONOLITHIC and seed 3 INCONCLUSIVE")
        .contains("with SAE seed 3: " + undecided.reasons().get(0));
  }

  @Test
  void seedsThatAreAllUndecidedKeepWhatRemainsPossible() {
    Verdict low = verdict(three(uniform(3, .65)).spread(.45).prompts(30, 8));
    Map<Long, Verdict> bySeed = new LinkedHashMap<>();
    bySeed.put(1L, low);
    bySeed.put(2L, low);
    assertThat(Verdict.acrossSeeds(bySeed).possible()).isEqualTo(low.possible());
  }

  @Test
  void seedsThatFindOtherClustersDisagree() {
    Map<Long, Verdict> bySeed = new LinkedHashMap<>();
    bySeed.put(1L, verdict(three(clusters(.95, .1, 2, 3))));
    bySeed.put(2L, verdict(three(clusters(.95, .1, 3, 2))));
    assertThat(Verdict.acrossSeeds(bySeed).reasons())
        .singleElement().asString()
        .startsWith("SAE seeds disagree: seed 1 MIXED ({category-a, category-b} {category-c, category-d, category-e})");
  }

  @Test
  void fileHoldsTheVerdictUnderFixedNames(@TempDir Path folder) {
    SharingEvidence evidence =
        three(clusters(.95, .1, 2, 2)).layers(0, .1, .7, 1).byDefault(1, 30, .01, .17).make();
    SharingMeasures tests = SharingMeasures.run(evidence, config(), 1);
    Verdict verdict = Verdict.decide(tests, THRESHOLDS);
    StatsFile.of(evidence, tests, verdict, config()).write(folder.resolve("simulated_stats.json"));
    JsonNode read = Json.read(folder.resolve("simulated_stats.json"));
    List<String> keys = new ArrayList<>();
    ((ObjectNode) read.get("verdict")).fieldNames().forEachRemaining(keys::add);
    assertThat(keys)
        .containsExactly(
            "answer", "headline", "possible", "shared_part", "similarity", "facts", "checks", "reasons", "next_steps",
            "clusters", "left_out", "decision_layer", "first_shared_layer", "remark", "pairs", "layers", "profile",
            "thresholds");
    assertThat(read.at("/verdict/answer").asText()).isEqualTo("MIXED");
    for (String figure : List.of("shared_part", "similarity")) {
      assertThat(read.at("/verdict/" + figure).fieldNames())
          .toIterable().as(figure).containsExactly("value", "low", "high");
    }
    assertThat(read.at("/verdict/clusters/0/0").asText()).isEqualTo("category-a");
    assertThat(read.at("/verdict/decision_layer").asText()).isEqualTo("residuals_2");
    assertThat(read.at("/verdict/profile").size()).isEqualTo(3);
    assertThat(read.at("/tests/hook_points/1/effect/pairs/0/interval95/low").isNumber()).isTrue();
    assertThat(read.toString()).doesNotContain("null_values").doesNotContain("\"defined\"");
    assertThat(StatsFile.verdict(folder.resolve("simulated_stats.json")))
        .usingRecursiveComparison().isEqualTo(verdict);
    SharingMeasures again = SharingMeasures.run(evidence, config(), 3);
    assertThat(Json.toText(again)).isEqualTo(Json.toText(tests));
  }

  private static SharingEvidence withVectors(SharingEvidence evidence, GramMatrix gram) {
    return withPoints(
        evidence,
        evidence.hookPoints().stream()
            .map(
                point ->
                    new AtHookPoint(
                        point.at(), gram, point.readout(), gram, point.attribution(), point.decidedDrops(),
                        point.transfer()))
            .toList());
  }

  private static SharingEvidence withPoints(SharingEvidence evidence, List<AtHookPoint> points) {
    return new SharingEvidence(
        evidence.model(), evidence.categories(), evidence.promptCategory(), evidence.promptTokens(),
        evidence.refusedMetric(), evidence.compliedMetric(), evidence.heldoutGap(), evidence.topicDistance(), points,
        evidence.layers(), evidence.byDefault(), evidence.partners());
  }
}
