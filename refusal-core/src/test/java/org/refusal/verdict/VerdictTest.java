package org.refusal.verdict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.config.StatsConfig;
import org.refusal.io.Json;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.Resampling;
import org.refusal.verdict.SharingEvidence.AtHookPoint;
import org.refusal.verdict.SharingEvidence.TransferDrops;

class VerdictTest {
  static final StatsConfig.Verdict THRESHOLDS =
      new StatsConfig.Verdict(
          0.5, 0.8, 0.5, 0.9, 0.2, 0.5, 0.65, 0.8, 0.8, 20, 8, 0.3, 0.1, List.of(0.5, 1.5), 0.2, 0.1);

  static StatsConfig config() {
    return new StatsConfig(null, new StatsConfig.Stats(List.of(), 99, 200, false, List.of()), THRESHOLDS, null, 5);
  }

  private static Simulation simulation(double[][] cosines) {
    return new Simulation(cosines, 30, 12, 200, 0.1, 1);
  }

  private static Verdict verdict(SharingEvidence evidence) {
    return Verdict.decide(SharingTests.run(evidence, config(), 2), THRESHOLDS);
  }

  @Test
  void oneCauseIsMonolithic() {
    Verdict verdict = verdict(simulation(Simulation.uniform(4, 1)).evidence(1));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.MONOLITHIC);
    assertThat(verdict.decisionLayer()).isEqualTo("residuals_2");
    assertThat(verdict.firstSharedLayer()).isEqualTo("residuals_1");
    assertThat(verdict.remark()).contains("latents are shared");
    assertThat(verdict.clusters()).hasSize(1);
    assertThat(verdict.clusters().get(0)).hasSize(4);
    assertThat(verdict.reasons()).hasSize(1);
    assertThat(verdict.reasons().get(0))
        .contains("refusal of all 4 categories has one cause", "pairs of categories (6 in all): 6 shared", "D_effect is");
  }

  @Test
  void whatIsDetectedApartBeforeTheDecisionIsNotShared() {
    SharingEvidence shared = simulation(Simulation.uniform(4, 1)).evidence(1);
    SharingEvidence apart = simulation(Simulation.uniform(4, 0)).evidence(1);
    List<AtHookPoint> points = new ArrayList<>(shared.hookPoints());
    AtHookPoint first = points.get(0);
    points.set(
        0,
        new AtHookPoint(
            first.at(), first.effect(), 1, apart.hookPoints().get(0).latents(), first.attribution(),
            first.decidedDrops(), first.transfer()));

    Verdict verdict = verdict(withPoints(shared, points));

    assertThat(verdict.profile().get(0).cause()).as("read by one direction").isEqualTo(Cause.ONE);
    assertThat(verdict.firstSharedLayer()).isEqualTo("residuals_2");
  }

  @Test
  void orthogonalCausesAreModular() {
    Verdict verdict = verdict(simulation(Simulation.uniform(4, 0.05)).evidence(2));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.MODULAR);
    assertThat(verdict.clusters()).hasSize(4);
    assertThat(verdict.firstSharedLayer()).isNull();
  }

  @Test
  void clustersAreMixed() {
    Verdict verdict = verdict(simulation(Simulation.clustered(2, 3)).evidence(3));
    assertThat(verdict.answer()).as(verdict.text()).isEqualTo(Answer.MIXED);
    assertThat(verdict.clusters())
        .containsExactly(
            List.of("category-a", "category-b"), List.of("category-c", "category-d", "category-e"));
  }

  @Test
  void gradedCausesAreInconclusive() {
    Verdict verdict = verdict(simulation(Simulation.uniform(4, 0.65)).evidence(4));
    assertThat(verdict.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(verdict.reasons()).anyMatch(reason -> reason.startsWith("the cause is graded"));
    assertThat(verdict.clusters()).isEmpty();
  }

  @Test
  void everyReasonThatHoldsIsListed() {
    SharingEvidence good = simulation(Simulation.uniform(3, 1)).evidence(5);
    SharingEvidence few =
        new Simulation(Simulation.uniform(3, 1), 10, 5, 200, 0.1, 1).evidence(5);
    assertThat(verdict(few).reasons())
        .anyMatch(reason -> reason.contains("fewer than 20 refused discovery prompts in category-a (10)"))
        .anyMatch(reason -> reason.contains("fewer than 8 refused held-out prompts in category-a (5)"));

    SharingEvidence blind =
        new SharingEvidence(
            good.model(), good.categories(), good.promptCategory(), good.promptTokens(), good.compliedMetric(),
            good.compliedMetric(), good.heldoutGap(), null, good.hookPoints().subList(1, 3));
    assertThat(verdict(blind).reasons())
        .anyMatch(reason -> reason.startsWith("m does not separate") && reason.contains("AUC 0.50"))
        .anyMatch(reason -> reason.contains("decided before residuals_2") && reason.contains("earlier layers"));

    SharingEvidence early = withPoints(good, good.hookPoints().subList(0, 1));
    assertThat(verdict(early).reasons()).singleElement().asString().contains("capture later layers");
  }

  @Test
  void attributionAndDefaultAndWeaknessAreReasons() {
    SharingEvidence good = simulation(Simulation.uniform(3, 1)).evidence(6);
    List<AtHookPoint> points = new ArrayList<>(good.hookPoints());
    AtHookPoint second = points.get(1);
    double[] third = Arrays.stream(second.attribution().effectSum()).map(x -> x / 3).toArray();
    double[] none = Arrays.stream(second.attribution().promptSideSum()).map(x -> -0.1 * x).toArray();
    TransferDrops drops = second.transfer().get(Form.EFFECT);
    Map<Form, TransferDrops> transfer = new LinkedHashMap<>(second.transfer());
    transfer.put(Form.EFFECT, scaled(drops, 0.05));
    points.set(
        1,
        new AtHookPoint(
            second.at(), second.effect(), 1, second.latents(),
            new SharingEvidence.AttributionCheck(
                third, none, second.attribution().baselineEffect(), second.attribution().gap()),
            second.decidedDrops(), transfer));
    Verdict verdict = verdict(withPoints(good, points));
    assertThat(verdict.reasons())
        .anyMatch(reason -> reason.startsWith("the attribution at residuals_2 is unreliable: completeness 0.3"))
        .anyMatch(reason -> reason.startsWith("refusal by default: at residuals_2"))
        .anyMatch(reason -> reason.startsWith("the effect form is weak at residuals_2: the own drop"))
        .hasSize(4); // and the cause is graded, D being undefined
  }

  @Test
  void severalCausesNeedTheLatentFormToAgree() {
    SharingEvidence modular = simulation(Simulation.uniform(3, 0.05)).evidence(7);
    SharingEvidence shared = simulation(Simulation.uniform(3, 1)).evidence(7);
    List<AtHookPoint> points = new ArrayList<>();
    for (int layer = 0; layer < 3; layer++) {
      AtHookPoint point = modular.hookPoints().get(layer);
      Map<Form, TransferDrops> transfer = new LinkedHashMap<>(point.transfer());
      transfer.put(Form.LATENT, shared.hookPoints().get(layer).transfer().get(Form.LATENT));
      points.add(
          new AtHookPoint(
              point.at(), point.effect(), point.readoutRank(), point.latents(), point.attribution(),
              point.decidedDrops(), transfer));
    }
    assertThat(verdict(withPoints(modular, points)).reasons())
        .singleElement().asString().startsWith("the latent form does not say several causes at residuals_2");
  }

  @Test
  void degenerateInputsHaveDefinedOutcomes() {
    Verdict one = verdict(simulation(Simulation.uniform(1, 1)).evidence(8));
    assertThat(one.answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(one.reasons()).anyMatch(reason -> reason.startsWith("only one category (category-a)"));

    assertThat(verdict(simulation(Simulation.uniform(2, 1)).evidence(9)).answer()).isEqualTo(Answer.MONOLITHIC);
    assertThat(verdict(simulation(Simulation.uniform(2, 0)).evidence(9)).answer()).isEqualTo(Answer.MODULAR);

    SharingEvidence good = simulation(Simulation.uniform(2, 1)).evidence(10);
    double[][] zeros = new double[60][3];
    Verdict empty = verdict(withPoints(good, withVectors(good, GramMatrix.ofDense(zeros, 1))));
    assertThat(empty.reasons()).anyMatch(r -> r.contains("effect vectors at residuals_2 are too noisy"));
    double[][] constant = new double[60][];
    Arrays.fill(constant, new double[] {1, 2});
    assertThat(verdict(withPoints(good, withVectors(good, GramMatrix.ofDense(constant, 1)))).answer())
        .isEqualTo(Answer.MONOLITHIC);
    double[][] broken = new double[60][];
    Arrays.fill(broken, new double[] {Double.NaN, 2});
    assertThat(verdict(withPoints(good, withVectors(good, GramMatrix.ofDense(broken, 1)))).answer())
        .isEqualTo(Answer.INCONCLUSIVE);

    SharingEvidence nothing =
        new SharingEvidence(
            "none", List.of("a", "b"), new int[0], new int[0], new double[0], new double[] {1}, new double[2][0],
            null,
            List.of(
                new AtHookPoint(
                    good.hookPoints().get(0).at(), null, -1, null, null, new double[2][0], Map.of())));
    assertThat(verdict(nothing).reasons()).anyMatch(reason -> reason.startsWith("no refusals"));
  }

  @Test
  void seedsMustAgree() {
    Verdict one = verdict(simulation(Simulation.uniform(3, 1)).evidence(11));
    Verdict other = verdict(simulation(Simulation.uniform(3, 0)).evidence(11));
    Verdict undecided = verdict(simulation(Simulation.uniform(3, 0.65)).evidence(11));
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
    assertThat(Verdict.acrossSeeds(bySeed).answer()).isEqualTo(Answer.INCONCLUSIVE);
    assertThat(Verdict.acrossSeeds(bySeed).clusters()).isEmpty();
    assertThat(Verdict.acrossSeeds(bySeed).reasons())
        .containsExactly("SAE seeds disagree: seed 1 MONOLITHIC, seed 2 MONOLITHIC and seed 3 MODULAR");
    bySeed.put(3L, undecided);
    assertThat(Verdict.acrossSeeds(bySeed).reasons())
        .contains("SAE seeds disagree: seed 1 MONOLITHIC, seed 2 MONOLITHIC and seed 3 INCONCLUSIVE")
        .contains("with SAE seed 3: " + undecided.reasons().get(0));
  }

  @Test
  void seedsThatFindOtherClustersDisagree() {
    Verdict pairs = verdict(simulation(Simulation.clustered(2, 3)).evidence(3));
    Verdict triple = verdict(simulation(Simulation.clustered(3, 2)).evidence(3));
    Map<Long, Verdict> bySeed = new LinkedHashMap<>();
    bySeed.put(1L, pairs);
    bySeed.put(2L, triple);
    assertThat(Verdict.acrossSeeds(bySeed).reasons())
        .singleElement().asString()
        .startsWith("SAE seeds disagree: seed 1 MIXED ({category-a, category-b} {category-c, category-d, category-e})");
  }

  @Test
  void handComputedDistinctness() {
    // own drops .8 and .4 of gaps 10 and 5; transfer .2 and .1
    double[][] gap = {{10, 10}, {5, 5}};
    double[][][] drops = {{{8, 8}, {1, 1}}, {{1, 1}, {2, 2}}};
    TransferTests tests =
        TransferTests.of(
            new TransferDrops(drops, new double[0][][], new double[0][][][]), gap, List.of(List.of(0), List.of(1)),
            0.1, new Resampling(50, 1, 1));
    assertThat(tests.drop()[0]).containsExactly(0.8, 0.2);
    assertThat(tests.drop()[1]).containsExactly(0.1, 0.4);
    assertThat(tests.ownDrop().value()).isCloseTo(0.6, within(1e-15));
    assertThat(tests.distinctness().value()).isCloseTo(1 - 0.15 / 0.6, within(1e-15));
    assertThat(tests.between().value()).isEqualTo(tests.distinctness().value());
    assertThat(tests.within().value()).isNaN();
    assertThat(tests.controlDrop().value()).isNaN();
    assertThat(tests.weak()).isNull();
  }

  @Test
  void fileHoldsTheVerdictUnderFixedNames(@TempDir Path folder) {
    SharingEvidence evidence = simulation(Simulation.clustered(2, 2)).evidence(12);
    SharingTests tests = SharingTests.run(evidence, config(), 1);
    Verdict verdict = Verdict.decide(tests, THRESHOLDS);
    StatsFile.of(evidence, tests, verdict, config()).write(folder.resolve("simulated_stats.json"));
    JsonNode read = Json.read(folder.resolve("simulated_stats.json"));
    List<String> keys = new ArrayList<>();
    ((ObjectNode) read.get("verdict")).fieldNames().forEachRemaining(keys::add);
    assertThat(keys)
        .containsExactly(
            "answer", "reasons", "clusters", "decision_layer", "first_shared_layer", "remark", "profile",
            "thresholds");
    assertThat(read.at("/verdict/answer").asText()).isEqualTo("MIXED");
    assertThat(read.at("/verdict/clusters/0/0").asText()).isEqualTo("category-a");
    assertThat(read.at("/verdict/profile").size()).isEqualTo(3);
    assertThat(read.at("/tests/hook_points/1/effect/pairs/0/interval95/low").isNumber()).isTrue();
    assertThat(read.toString()).doesNotContain("null_values").doesNotContain("\"defined\"");
    assertThat(StatsFile.verdict(folder.resolve("simulated_stats.json")))
        .usingRecursiveComparison().isEqualTo(verdict);
    SharingTests again = SharingTests.run(evidence, config(), 3);
    assertThat(Json.toText(again)).isEqualTo(Json.toText(tests));
  }

  private static List<AtHookPoint> withVectors(SharingEvidence evidence, GramMatrix gram) {
    return evidence.hookPoints().stream()
        .map(
            point ->
                new AtHookPoint(
                    point.at(), gram, point.readoutRank(), gram, point.attribution(), point.decidedDrops(),
                    point.transfer()))
        .toList();
  }

  private static SharingEvidence withPoints(SharingEvidence evidence, List<AtHookPoint> points) {
    return new SharingEvidence(
        evidence.model(), evidence.categories(), evidence.promptCategory(), evidence.promptTokens(),
        evidence.refusedMetric(), evidence.compliedMetric(), evidence.heldoutGap(), evidence.topicDistance(), points);
  }

  private static TransferDrops scaled(TransferDrops drops, double by) {
    double[][][] scaled =
        Arrays.stream(drops.drops())
            .map(row -> Arrays.stream(row)
                .map(cell -> Arrays.stream(cell).map(x -> by * x).toArray()).toArray(double[][]::new))
            .toArray(double[][][]::new);
    return new TransferDrops(scaled, drops.controls(), new double[0][][][]);
  }
}
