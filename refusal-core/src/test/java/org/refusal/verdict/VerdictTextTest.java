package org.refusal.verdict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.refusal.verdict.VerdictExamples.THRESHOLDS;
import static org.refusal.verdict.VerdictExamples.categories;
import static org.refusal.verdict.VerdictExamples.estimate;
import static org.refusal.verdict.VerdictExamples.pairs;
import static org.refusal.verdict.VerdictExamples.point;
import static org.refusal.verdict.VerdictExamples.tests;
import static org.refusal.verdict.VerdictExamples.transfer;
import static org.refusal.verdict.VerdictExamples.weak;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.refusal.stats.Auc;
import org.refusal.stats.Estimate;
import org.refusal.stats.Interval;
import org.refusal.stats.TransferStatistics;

/** The words of every answer, from figures made by hand. */
class VerdictTextTest {
  private static Verdict decide(SharingMeasures tests) {
    return Verdict.decide(tests, THRESHOLDS);
  }

  @Test
  void oneCause() {
    TransferStatistics one = transfer(estimate(.06, .01, .12), pairs(5, .94, .05));

    Verdict verdict = decide(tests(5, one, one));

    assertThat(verdict.text())
        .isEqualTo(
            """
            MONOLITHIC: in this model one mechanism stops all five categories; about 94 % [88, 99] of it is shared.
            verdict: MONOLITHIC
              The model decides at residuals_15: the positions after the user's text carry 64 % [57, 70] of the refusal gap there, 16 % [12, 20] one layer below.
              Removing what it reads in one category takes away 81 % [75, 88] of that category's refusal gap, and 94 % [88, 99] as much of another's (the shared part).
              The layers above read refusal along one distinct direction (spectrum 4.0 0.0081 0.0030 0; noise floor 0.010).
              remark: whether the latents are shared or split by category is undecided
              checks ([low, high]: interval of 95 %):
                ok  refused discovery prompts              25 per category, at least 20
                ok  refused held-out prompts               12 per category, at least 8
                ok  m tells refused from answered prompts  AUC 0.97 [0.91, 0.99], at least 0.80, on 60 refused and 80 answered held-out prompts
                ok  decision layer                         residuals_15, at least 50 % decided there
                ok  reliability of the effect vectors      0.97 in the noisiest category, at least 0.30
                ok  completeness of the attribution        1.01 [0.98, 1.03], within 0.50 to 1.50
                ok  own drop of the effect form            0.81 [0.75, 0.88], at least 0.10 and above random directions (0.02 [0.01, 0.03])
                ok  pairs of categories                    10 shared, 0 distinct, 0 partial, 0 open
                ok  no several causes at residuals_14      D_effect 0.06 [0.01, 0.12] there, bar 0.50
                -   refusal of prompts without content     3 of 100, 0.03 [0.01, 0.08]
            """);
    assertThat(verdict.text().lines().count()).isLessThanOrEqualTo(20);
    assertThat(verdict.reasons()).singleElement().asString().startsWith("refusal of all 5 categories has one cause");
    assertThat(verdict.sharedPart().value()).isEqualTo(.94);
    assertThat(verdict.similarity().value()).as("mean S, which describes").isEqualTo(.91);
  }

  @Test
  void twoCategoriesAreBoth() {
    TransferStatistics one = transfer(estimate(-.02, -.1, .05), pairs(2, 1.02, .05));
    assertThat(decide(tests(2, one, one)).headline())
        .as("a share of more than all is all")
        .isEqualTo("MONOLITHIC: in this model one mechanism stops both categories; about 100 % [95, 100] of it is shared.");
  }

  @Test
  void severalCauses() {
    TransferStatistics several = transfer(estimate(.96, .93, .98), pairs(4, .04, .03));
    assertThat(decide(tests(4, several, null)).headline())
        .isEqualTo(
            "MODULAR: in this model each of the four categories is stopped by a mechanism of its own; about 4 % [2, 7] of it is shared.");
  }

  @Test
  void clusters() {
    Verdict verdict = VerdictExamples.mixed().verdict();
    assertThat(verdict.headline())
        .isEqualTo(
            "MIXED: in this model two mechanisms stop all four categories: {hate, privacy} and {self-harm, violence};"
                + " about 97 % [90, 100] of each is shared within its group, 10 % [5, 16] between groups.");
    assertThat(verdict.text()).contains("pairs of categories                    2 shared, 4 distinct, 0 partial, 0 open");
  }

  @Test
  void inBetween() {
    TransferStatistics graded = transfer(estimate(.4, .32, .48), pairs(4, .6, .08));
    assertThat(decide(tests(4, graded, null)).headline())
        .isEqualTo(
            "GRADED: in this model about 60 % [52, 68] of what makes it refuse a category is common to all four categories;"
                + " the rest is each category's own.");
  }

  @Test
  void anOpenAnswerSaysWhatRemainsAndHowManyPromptsWouldSettleIt() {
    // D reaches its bar of .2 when the upper half-width, .12, shrinks to .06: four times the 12 held-out prompts
    TransferStatistics open = transfer(estimate(.14, .02, .26), pairs(4, .86, .05));

    Verdict verdict = decide(tests(4, open, open));

    assertThat(verdict.headline())
        .isEqualTo(
            "INCONCLUSIVE: this evidence does not settle whether one mechanism stops all four categories;"
                + " still possible: MONOLITHIC or GRADED.");
    assertThat(verdict.possible()).containsExactly(Answer.MONOLITHIC, Answer.GRADED);
    assertThat(verdict.nextSteps())
        .containsExactly(
            "add refused prompts: about 48 held out per category (now 12), and as many times more to discover on;"
                + " intervals narrow as 1 / sqrt(n)");
    assertThat(verdict.text())
        .startsWith(verdict.headline() + "\nverdict: INCONCLUSIVE\n  The model decides at residuals_15")
        .contains("    NOT pairs of categories", "\n  why: the intervals do not settle it: at residuals_15, pairs of")
        .endsWith("\n  next: " + verdict.nextSteps().get(0) + "\n");
    assertThat(verdict.text().lines().count()).isLessThanOrEqualTo(20);
  }

  @Test
  void nextStepsAreCommandsTheCheapestFirst() {
    TransferStatistics one = transfer(estimate(.06, .01, .12), pairs(3, .94, .05));
    List<HookPointMeasures> points =
        List.of(
            point("residuals_14", estimate(.16, .12, .2), estimate(1, .9, 1.1), categories(3), one),
            point("residuals_15", estimate(.64, .57, .7), estimate(1.9, 1.8, 2.1), categories(3), one));

    Verdict verdict = decide(tests(3, points, 12, Map.of("weapons", "4 refused discovery prompts, fewer than 20"), null));

    assertThat(verdict.nextSteps())
        .containsExactly(
            "integrate over more steps: refusal run --config ... --set circuit.attribution_method=ig --set circuit.ig_steps=32",
            "add harmful prompts that the model refuses: at least 20 refused discovery prompts per category (now hate (12),"
                + " privacy (12) and self-harm (12))");
    assertThat(verdict.headline()).endsWith("stops all three categories; only MONOLITHIC remains possible.");
    assertThat(verdict.text())
        .contains(
            "  left out: weapons (4 refused discovery prompts, fewer than 20)\n",
            "    NOT completeness of the attribution        1.90 [1.80, 2.10], within 0.50 to 1.50\n",
            "    -   refusal of prompts without content     not asked\n");
  }

  @Test
  void aMissingLayerIsNamedWithTheCommandThatCapturesIt() {
    TransferStatistics one = transfer(estimate(.06, .01, .12), pairs(3, .94, .05));
    HookPointMeasures decided = point("residuals_15", estimate(.64, .57, .7), estimate(1, .9, 1.1), categories(3), one);
    HookPointMeasures early = point("residuals_8", estimate(.04, 0, .1), estimate(1, .9, 1.1), categories(3), one);

    assertThat(decide(tests(3, List.of(early, decided), 25, Map.of(), null)).nextSteps())
        .containsExactly("capture them: refusal run --config ... --set model.activation_layers=[residuals_8-15]");
    Verdict last = decide(tests(3, List.of(early), 25, Map.of(), null));
    assertThat(last.nextSteps())
        .containsExactly(
            "capture later layers; which layers to capture is found on a few prompts by: refusal collect --config ... --find-layers");
    assertThat(last.headline())
        .endsWith("does not settle whether one mechanism stops all three categories; no answer is ruled out.");
    assertThat(last.text()).contains("    NOT decision layer                         none\n");
  }

  @Test
  void whatWasNotMeasuredIsNoFailedCheck() {
    List<HookPointMeasures> points =
        List.of(
            point("residuals_14", estimate(.16, .12, .2), estimate(1, .9, 1.1), categories(3), null),
            point("residuals_15", estimate(.64, .57, .7), Estimate.undefined(.95), categories(3), weak()));

    Verdict verdict = decide(tests(3, points, 25, Map.of(), null));

    assertThat(verdict.text())
        .contains(
            "    -   completeness of the attribution        not measured\n",
            "    NOT own drop of the effect form            0.04 [0.01, 0.07], at least 0.10 and above random directions");
  }

  @Test
  void nothingToExplainIsSaid() {
    SharingMeasures none =
        new SharingMeasures(
            categories(2), Map.of(), new int[2], new int[2], new Auc(Double.NaN, Interval.undefined(.95), 0, 80),
            new double[] {Double.NaN, Double.NaN}, List.of(), null, null, List.of(), null);
    Verdict verdict = decide(none);
    assertThat(verdict.headline())
        .isEqualTo("INCONCLUSIVE: this model refused none of the harmful prompts, so there is no refusal to explain.");
    assertThat(verdict.text()).contains("\n  why: no refusals: the model refused none of the harmful prompts");
    assertThat(verdict.nextSteps())
        .as("no layer is to be captured where there is nothing to explain")
        .containsExactly("use harmful prompts that this model refuses, or a model that refuses these");
  }

  @Test
  void seedsThatDisagreeSayWhoSaidWhat() {
    TransferStatistics one = transfer(estimate(.06, .01, .12), pairs(3, .94, .05));
    TransferStatistics several = transfer(estimate(.96, .93, .98), pairs(3, .04, .03));
    Map<Long, Verdict> bySeed = new LinkedHashMap<>();
    bySeed.put(1L, decide(tests(3, one, one)));
    bySeed.put(2L, decide(tests(3, several, null)));

    String text = Verdict.acrossSeeds(bySeed).text();

    assertThat(text)
        .startsWith(
            "INCONCLUSIVE: autoencoders of different seeds do not lead to the same answer; still possible: MONOLITHIC or MODULAR.\n"
                + "verdict: INCONCLUSIVE\n")
        .contains("\n  why: SAE seeds disagree: seed 1 MONOLITHIC and seed 2 MODULAR\n", "\n  next: train larger");
  }
}
