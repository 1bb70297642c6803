package org.refusal.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.refusal.base.Seeds;
import org.refusal.stats.TransferStatistics;
import org.refusal.verdict.Answer;
import org.refusal.verdict.VerdictTest;

/** Simulated worlds are what they say they are: by hand, and by many prompts. */
class TruthTest {
  private static Simulation simulation(double[][] cosines, double commonWay) {
    return new Simulation(cosines, 30, 12, .5, commonWay, 2);
  }

  @Test
  void byHand() {
    // cosine c, no common way: e = u, drop_ij = (u_j · u_i)(u_j · u_j), t = c
    Truth plain = simulation(Simulation.uniform(3, .6), 0).truth();
    assertThat(plain.transfer(0, 1)).isCloseTo(.6, within(1e-9));
    assertThat(plain.distinctness()).isCloseTo(.4, within(1e-9));
    double[][] plane = new double[2][200];
    plane[0][0] = 1;
    plane[1][1] = 1;
    assertThat(Truth.meanSimilarity(plane, simulation(Simulation.uniform(2, .6), 0).meanDifferences()))
        .isCloseTo(.6, within(1e-9));
    // two orthogonal read-outs with a way w along (u_1 + u_2) / sqrt 2: v_1 = (1 + w / sqrt 2, w / sqrt 2) = (1.5, .5),
    // e_1 = v_1 / |v_1|: own drop (u_1 · e_1)(e_1 · v_1) = 1.5; on v_2: (u_2 · e_1)(e_2 · v_2) = (.5 / |v|) |v| = .5
    Truth common = simulation(Simulation.uniform(2, 0), Math.sqrt(2) / 2).truth();
    assertThat(Truth.meanSimilarity(plane, simulation(Simulation.uniform(2, 0), Math.sqrt(2) / 2).meanDifferences()))
        .as("cosine of the effect directions").isCloseTo(.6, within(1e-9));
    assertThat(common.transfer(0, 1)).isCloseTo(.5 / 1.5, within(1e-9));
  }

  @Test
  void companyThatIsNotReadChangesNothing() {
    Simulation without = new Simulation(Simulation.uniform(4, .3), 30, 12, .5, .5, 0);
    Simulation with = new Simulation(Simulation.uniform(4, .3), 30, 12, .5, .5, 5);
    assertThat(with.truth().drop()).isDeepEqualTo(without.truth().drop());
  }

  @Test
  void theSharedPartIsAsAsked() {
    for (double share : new double[] {0, .2, .4, .5, .6, .8, .95, 1}) {
      assertThat(simulation(Simulation.uniform(4, 0), .5).withSharedPart(share).truth().sharedPart())
          .isCloseTo(share, within(1e-6));
    }
  }

  @Test
  void manyPromptsShowTheTruth() {
    for (double[][] cosines : List.of(Simulation.uniform(3, .7), Simulation.clustered(2, 1), Simulation.uniform(3, 1))) {
      Simulation many = new Simulation(cosines, 2000, 4000, .5, .5, 2);
      LinearTransfer found = many.transfer(3);
      double[][] drops = TransferStatistics.meanDrops(found.drops().drops(), found.gap());
      Truth truth = many.truth();
      for (int i = 0; i < 3; i++) {
        assertThat(drops[i]).as(Arrays.deepToString(cosines)).containsExactly(truth.drop()[i], within(.02));
      }
      assertThat(TransferStatistics.distinctness(drops)).isCloseTo(truth.distinctness(), within(.02));
    }
  }

  @Test
  void answersThatATruthDeserves() {
    var bars = VerdictTest.THRESHOLDS;
    Simulation base = simulation(Simulation.uniform(4, 0), .5);
    assertThat(base.withSharedPart(1).truth().answer(bars)).isEqualTo(Answer.MONOLITHIC);
    assertThat(base.withSharedPart(.85).truth().answer(bars)).isEqualTo(Answer.MONOLITHIC);
    assertThat(base.withSharedPart(.65).truth().answer(bars)).isEqualTo(Answer.GRADED);
    assertThat(base.withSharedPart(.2).truth().answer(bars)).isEqualTo(Answer.MODULAR);
    Truth pairs = base.with(Simulation.clustered(2, 2)).truth();
    assertThat(pairs.answer(bars)).isEqualTo(Answer.MIXED);
    assertThat(pairs.clusters(bars)).containsExactly(List.of(0, 1), List.of(2, 3));
    assertThat(base.withSharedPart(.8).truth().atBar(bars, 1e-6)).isTrue();
    assertThat(base.withSharedPart(.79).truth().atBar(bars, 1e-6)).isFalse();
  }

  @Test
  void aMixtureOfRealPromptsIsASum() {
    // two prompts of one category, one of the other
    LinearTransfer.Prompts prompts =
        new LinearTransfer.Prompts(
            new double[][] {{2, 0}, {1, 0}, {0, 1}},
            new double[][] {{1, 0}, {3, 0}, {0, 4}},
            new double[] {4, 6, 8},
            new int[] {0, 0, 1},
            2);
    PromptMixture apart = PromptMixture.mixed(prompts, 0, 10, 5, 2);
    assertThat(apart.truth().drop()[0]).containsExactly(new double[] {2.5 / 5, 0}, within(1e-12));
    assertThat(apart.truth().drop()[1]).containsExactly(new double[] {0, 4. / 8}, within(1e-12));
    PromptMixture alike = PromptMixture.mixed(prompts, 1, 10, 5, 2);
    assertThat(alike.truth().sharedPart()).isCloseTo(1, within(1e-12));
    assertThat(alike.weights()[0]).containsExactly(new double[] {.25, .25, .5}, within(1e-12));
    assertThat(PromptMixture.mixed(prompts, .5, 10, 5, 2).weights()[1])
        .containsExactly(new double[] {.125, .125, .75}, within(1e-12));
    PromptMixture one = PromptMixture.same(prompts, 0, 3, 10, 5, 2);
    assertThat(one.truth().distinctness()).isCloseTo(0, within(1e-12));
    LinearTransfer.Prompts drawn = one.draw(10, Seeds.random(1, "draw"));
    assertThat(drawn.categories()).hasSize(30);
    assertThat(drawn.gaps()).containsOnly(4, 6);
  }

  @Test
  void theSameForTheSameSeed() {
    Simulation simulation = simulation(Simulation.uniform(3, .5), .5);
    assertThat(simulation.transfer(5).drops().drops()).isDeepEqualTo(simulation.transfer(5).drops().drops());
    assertThat(simulation.transfer(6).drops().drops()[0][0]).isNotEqualTo(simulation.transfer(5).drops().drops()[0][0]);
  }
}
