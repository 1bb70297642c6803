package org.refusal.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.attribution.Aggregation;
import org.refusal.attribution.AttributionGolden;
import org.refusal.attribution.AttributionStore;
import org.refusal.attribution.CircuitDiscovery;
import org.refusal.attribution.DiscoverySettings;
import org.refusal.attribution.EffectVectors;
import org.refusal.attribution.IntegratedGradients;
import org.refusal.attribution.LegacyDiscovery;
import org.refusal.attribution.Readout;
import org.refusal.attribution.StepRule;
import org.refusal.circuit.ErrorMode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;
import org.refusal.config.Binder;
import org.refusal.config.DiscoverConfig;
import org.refusal.config.EvaluateConfig;
import org.refusal.config.TransferForm;
import org.refusal.model.Generator;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.stats.Resampling;
import org.refusal.stats.TransferStatistics;
import org.refusal.subject.PairedBaseline;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.SinkThresholds;
import org.refusal.subject.StudiedModel;

/** What is known of the planted monolithic model must be found: where refusal is decided, and that it is shared. */
@Tag("slow")
class PlantedTransferTest {
  private static final EvaluateConfig.Transfer CONFIG =
      new EvaluateConfig.Transfer(List.of(), "reproducible", "own", .95, 512, .95, 16, 2, 2);
  private static AttributionGolden golden;
  private static PatchedRuns runs;
  private static Partners partners;
  private static final List<String> CATEGORIES = new ArrayList<>();
  private static final List<List<PromptTokens>> HELDOUT = new ArrayList<>();
  private static final List<RefusalGap> GAPS = new ArrayList<>();

  @BeforeAll
  static void load() {
    golden =
        AttributionGolden.open(
            AttributionGolden.folders().stream()
                .filter(folder -> folder.endsWith("monolithic"))
                .findFirst()
                .orElseThrow(),
            DataType.FLOAT32);
    partners = new Partners(golden.baselineSafe(), 42);
    runs =
        new PatchedRuns(
            new StudiedModel(
                golden.lm(),
                golden.metric(),
                0,
                golden.saes(),
                new PairedBaseline(golden.lm(), 0, partners, golden.saes(), SinkThresholds.none()),
                SinkThresholds.none()),
            64);
    golden.gold().stream().map(PromptTokens::category).distinct().forEach(CATEGORIES::add);
    for (String category : CATEGORIES) {
      List<PromptTokens> prompts =
          golden.gold().stream().filter(prompt -> prompt.category().equals(category)).toList();
      HELDOUT.add(prompts);
      GAPS.add(RefusalGap.measure(runs, prompts, partners));
    }
  }

  @AfterAll
  static void close() {
    golden.close();
  }

  @Test
  void refusalIsDecidedAtResidualsTwo() {
    DecisionProfile before = decision(HookPoint.residuals(1));
    DecisionProfile at = decision(HookPoint.residuals(2));
    assertThat(before.decided().value()).isLessThan(.1);
    assertThat(at.decided().value()).isBetween(.9, 1.1);
    assertThat(before.everywhere().value()).isBetween(.9, 1.1);
  }

  private static DecisionProfile decision(HookPoint at) {
    return DecisionProfile.measure(runs, at, HELDOUT, GAPS, 100, new SplittableRandom(1));
  }

  /** The planted mechanism is one direction for all: every form that finds it transfers (docs/planted.md, D of about 0). */
  @Test
  void whatDrivesOneCategoryDrivesAll(@TempDir Path folder) {
    HookPoint at = HookPoint.residuals(2);
    SparseAutoencoder sae = golden.saes().get(at);
    Map<HookPoint, SparseAutoencoder> saes = Map.of(at, sae);
    StudiedModel model =
        new StudiedModel(
            golden.lm(),
            golden.metric(),
            0,
            saes,
            new PairedBaseline(golden.lm(), 0, partners, saes, SinkThresholds.none()),
            SinkThresholds.none());
    DiscoverySettings settings =
        new DiscoverySettings(
            new IntegratedGradients(6, StepRule.MIDPOINT, true), 6, StepRule.MIDPOINT, false, .1, 64, ErrorMode.CIRCUIT,
            DiscoverySettings.Edges.NONE, .1, Aggregation.MEAN, false, 16, 42);
    CircuitDiscovery discovery = new CircuitDiscovery(model, partners, settings);
    DiscoveryMeans answered = DiscoveryMeans.over(runs, golden.baselineSafe(), List.of(at)).get(at);
    Map<String, Path> attributions = new LinkedHashMap<>();
    List<Path> moments = new ArrayList<>();
    List<List<PromptTokens>> found = new ArrayList<>();
    List<List<PromptTokens>> heldout = new ArrayList<>();
    List<RefusalGap> gaps = new ArrayList<>();
    for (int i = 0; i < CATEGORIES.size(); i++) {
      List<PromptTokens> prompts = HELDOUT.get(i);
      int cut = prompts.size() * 5 / 8;
      found.add(prompts.subList(0, cut));
      heldout.add(prompts.subList(cut, prompts.size()));
      gaps.add(RefusalGap.measure(runs, heldout.get(i), partners));
      attributions.put(CATEGORIES.get(i), folder.resolve(i + ".safetensors"));
      moments.add(folder.resolve(i + ".moments"));
      discovery.category(
          "planted",
          CATEGORIES.get(i),
          found.get(i),
          new CircuitDiscovery.Files(attributions.get(CATEGORIES.get(i)), moments.get(i), folder.resolve("scratch")),
          done -> {});
    }
    Readout readout =
        CircuitDiscovery.readouts(
                attributions, moments,
                Binder.bind(DiscoverConfig.CircuitSection.class, Binder.empty(), Map.<String, String>of()::get), 42)
            .get(at);
    assertThat(readout.reproducible().distinct()).isEqualTo(1);
    EffectDirections effect =
        EffectDirections.of(
            EffectVectors.read(attributions, at, (store, category) -> store.refusedHarmful()), CATEGORIES, readout,
            Readout.Kind.REPRODUCIBLE, CONFIG.directionResamples(), 42, at);
    double[] decoder = doubles(sae.wDec().toFloatArray());
    Map<TransferForm, List<TransferPart>> parts = new EnumMap<>(TransferForm.class);
    for (TransferForm form : TransferForm.values()) {
      parts.put(form, new ArrayList<>());
    }
    for (int i = 0; i < CATEGORIES.size(); i++) {
      TransferParts made = new TransferParts(CONFIG, 42, CATEGORIES.get(i), at);
      DiscoveryMeans refused = DiscoveryMeans.over(runs, found.get(i), List.of(at)).get(at);
      try (AttributionStore store = AttributionStore.open(folder.resolve(i + ".safetensors"))) {
        DrivingLatents driving = DrivingLatents.of(store.promptSide(at).mean(), CONFIG.share(), CONFIG.maxLatents());
        double[][] rows =
            Arrays.stream(driving.latents())
                .mapToObj(latent -> Arrays.copyOfRange(decoder, latent * sae.dIn(), (latent + 1) * sae.dIn()))
                .toArray(double[][]::new);
        parts.get(TransferForm.EFFECT).add(made.effect(effect, i, sae.dIn()));
        parts.get(TransferForm.LATENT).add(made.latent(driving, refused.activity()));
        parts.get(TransferForm.DIRECTION).add(made.direction(driving, rows, sae.dIn()));
        parts.get(TransferForm.DIFFERENCE_OF_MEANS).add(made.differenceOfMeans(refused, answered));
      }
    }
    parts.forEach(
        (form, ofForm) -> {
          TransferMatrix matrix = TransferMatrix.measure(runs, at, heldout, gaps, ofForm);
          TransferStatistics statistics =
              TransferStatistics.of(
                  matrix.raw(),
                  gaps.stream().map(RefusalGap::differences).toArray(double[][]::new),
                  new TransferStatistics.Bars(.1, .65, "refusal gap"),
                  new Resampling(200, 1, 1));
          System.out.printf(
              "PlantedTransferTest %s: own drop %.3f, controls %.3f, D %.3f (%.3f to %.3f)%n",
              form.key(),
              statistics.ownDrop().value(),
              statistics.controlDrop().value(),
              statistics.distinctness().value(),
              statistics.distinctness().interval().low(),
              statistics.distinctness().interval().high());
          assertThat(statistics.weak()).as(form.key()).isNull();
          assertThat(matrix.controls()).hasNumberOfRows(CONFIG.controls());
          assertThat(matrix.resamples().length).isEqualTo(form == TransferForm.EFFECT ? CONFIG.directionResamples() : 0);
          if (form != TransferForm.DIFFERENCE_OF_MEANS) { // which takes up other content of the few prompts
            assertThat(statistics.distinctness().value()).as(form.key()).isBetween(-.2, .2);
          }
        });
  }

  private static double[] doubles(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  @Test
  void aCurveEndsAtTheWholeModelAndTheFileIsReadAsItWasWritten(@TempDir Path folder) {
    Map<HookPoint, Integer> latents = new TreeMap<>();
    List<Node> ranking = new ArrayList<>();
    HookPoint at = HookPoint.residuals(3);
    latents.put(at, golden.saes().get(at).dSae());
    for (int latent = 0; latent < latents.get(at); latent++) {
      ranking.add(new LatentNode(at, latent));
    }
    int[] sizes = FaithfulnessCurve.sizes(ranking.size(), 4);
    FaithfulnessCurve curve =
        FaithfulnessCurve.measure(
            runs,
            new CircuitInterventions(latents, ErrorMode.KEEP),
            HELDOUT.get(0),
            GAPS.get(0).metric(),
            GAPS.get(0).delta(),
            ranking,
            sizes,
            2,
            100,
            new SplittableRandom(3));
    FaithfulnessCurve.AtSize whole = curve.sizes().get(sizes.length - 1);
    assertThat(whole.faithfulness().value()).isBetween(.9999, 1.0001);
    assertThat(whole.completeness().value()).isBetween(-.0001, .0001);
    assertThat(whole.randomFaithfulness()).hasSize(2);
    assertThat(curve.undefined()).isNull();

    Intervention everything = Intervention.at("everything", HookPoint.residuals(2), new Replacement.Everything());
    Map<String, Behaviour> behaviour = new LinkedHashMap<>();
    behaviour.put("none", behaviour(null));
    behaviour.put("everything", behaviour(everything));
    assertThat(behaviour.get("none").rate().value()).isEqualTo(1);
    assertThat(behaviour.get("everything").rate().value()).isEqualTo(0);
    CategoryMetrics metrics =
        CategoryMetrics.of(
            "planted", CATEGORIES.get(0), "paired", ErrorMode.KEEP, 42, 100, List.of(at.name()), GAPS.get(0), curve,
            Map.of(),
            CategoryMetrics.Drop.measure(runs, HELDOUT.get(0), GAPS.get(0), everything, 100, new SplittableRandom(1)),
            Map.of("everything", SideEffects.measure(runs, golden.baselineSafe().subList(0, 4), everything)),
            behaviour);
    assertThat(metrics.directionAblation().drop().value()).isBetween(.9, 1.1);
    Path file = folder.resolve("planted_metrics.json");
    metrics.write(file);
    assertThat(CategoryMetrics.read(file))
        .usingRecursiveComparison()
        .withComparatorForType(Double::compare, Double.class)
        .isEqualTo(metrics);
  }

  /** What circuits are compared with, each run once more by itself from its definition. */
  @Test
  void theBaselinesOfACircuitHaveTheFaithfulnessOfTheirOwnNodes() {
    HookPoint at = HookPoint.residuals(3);
    int dSae = golden.saes().get(at).dSae();
    Map<HookPoint, SparseAutoencoder> saes = Map.of(at, golden.saes().get(at));
    List<PromptTokens> labelled = new ArrayList<>(golden.gold());
    labelled.addAll(golden.baselineSafe().subList(0, 24));
    boolean[] harmful = new boolean[labelled.size()];
    Arrays.fill(harmful, 0, golden.gold().size(), true);
    var features =
        CircuitDiscovery.features(
            new StudiedModel(
                golden.lm(), golden.metric(), 0, saes, runs.model().baseline(), SinkThresholds.none()),
            labelled, Aggregation.MEAN, 16);
    List<Node> legacy =
        LegacyDiscovery.ofEqualSize(
            java.util.stream.IntStream.range(0, 8).mapToObj(latent -> new LatentNode(at, latent)).toList(), features,
            harmful);
    assertThat(legacy).hasSize(8);
    CircuitInterventions interventions = new CircuitInterventions(Map.of(at, dSae), ErrorMode.KEEP);
    double[] model = GAPS.get(0).metric();
    CategoryMetrics.NamedCircuit scored =
        CategoryMetrics.NamedCircuit.measure(
            runs, interventions, HELDOUT.get(0), model, legacy, 100, new SplittableRandom(1));
    double empty = alone(at, dSae, List.of());
    double faithfulness = (alone(at, dSae, legacy) - empty) / (Resampled.mean(model) - empty);
    System.out.printf("PlantedTransferTest legacy circuit of 8 latents: faithfulness %.3f%n", faithfulness);
    assertThat(scored.faithfulness().value()).isCloseTo(faithfulness, within(1e-5));
    assertThat(faithfulness).as("latents of refusal correlate with the label").isBetween(.5, 1.1);

    FaithfulnessCurve curve =
        FaithfulnessCurve.measure(
            runs, interventions, HELDOUT.get(0), model, GAPS.get(0).delta(), legacy, new int[] {4, 8}, 2, 100,
            new SplittableRandom(3));
    SplittableRandom again = new SplittableRandom(3);
    for (FaithfulnessCurve.AtSize size : curve.sizes()) {
      for (double found : size.randomFaithfulness()) {
        List<Node> drawn =
            FaithfulnessCurve.randomCircuit(legacy.subList(0, size.size()), Map.of(at, dSae), again);
        assertThat(drawn).doesNotHaveDuplicates().hasSize(size.size());
        assertThat(found)
            .isCloseTo((alone(at, dSae, drawn) - empty) / (Resampled.mean(model) - empty), within(1e-5))
            .isBetween(-.2, .2);
      }
    }
    assertThat(curve.sizes().get(1).faithfulness().value()).isCloseTo(faithfulness, within(1e-5));
    assertThat(curve.randomArea()).isBetween(-.2, .2);
  }

  /** F(C), errors kept: one prompt at a time, all latents but the circuit's at the partner's values. */
  private static double alone(HookPoint at, int dSae, List<? extends Node> circuit) {
    java.util.BitSet outside = new java.util.BitSet();
    outside.set(0, dSae);
    circuit.forEach(node -> outside.clear(((LatentNode) node).latent()));
    Intervention intervention = Intervention.at("alone", at, new Replacement.Nodes(outside, false));
    PatchedRuns single = new PatchedRuns(runs.model(), 1);
    return HELDOUT.get(0).stream()
        .mapToDouble(prompt -> single.metric(List.of(prompt), List.of(intervention))[0][0])
        .average()
        .orElseThrow();
  }

  private static Behaviour behaviour(Intervention intervention) {
    int refusal = golden.metric().refusalTokens()[0];
    return Behaviour.measure(
        runs,
        new Refusals.Writer(new Generator(golden.lm()), 3, ids -> ids.length > 0 && ids[0] == refusal),
        HELDOUT.get(0),
        intervention,
        100,
        new SplittableRandom(1));
  }
}
