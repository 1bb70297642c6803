package org.refusal.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.ErrorMode;
import org.refusal.circuit.HookPoint;
import org.refusal.config.Binder;
import org.refusal.config.DiscoverConfig;
import org.refusal.io.Json;
import org.refusal.model.CausalLm;
import org.refusal.model.Prefix;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.stats.Vectors;
import org.refusal.subject.Baseline;
import org.refusal.subject.PairedBaseline;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.SinkThresholds;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Memory;

/** Whole discovery on a planted model: files, invariance under batching, sinks, memory, numbers that are not finite. */
@Tag("slow")
class CircuitDiscoveryTest {
  private static final long SEED = 42;
  private static AttributionGolden golden;
  private static List<PromptTokens> prompts;
  private static Partners partners;
  @TempDir Path folder;

  @BeforeAll
  static void open() {
    golden = AttributionGolden.open(AttributionGolden.folders().get(0), DataType.FLOAT64);
    partners = new Partners(golden.baselineSafe(), SEED);
    prompts = new ArrayList<>(golden.gold().subList(0, 4));
    prompts.addAll(golden.baselineSafe().subList(0, 3));
  }

  @AfterAll
  static void close() {
    golden.close();
  }

  private static StudiedModel model(CausalLm lm, SinkThresholds thresholds) {
    Baseline baseline = new PairedBaseline(lm, 0, partners, golden.saes(), thresholds);
    return new StudiedModel(lm, golden.metric(), 0, golden.saes(), baseline, thresholds);
  }

  private static DiscoverySettings settings(int batchSize, boolean separate) {
    return settings(batchSize, separate, DiscoverySettings.Edges.NONE);
  }

  private static DiscoverySettings settings(int batchSize, boolean separate, DiscoverySettings.Edges edges) {
    return new DiscoverySettings(
        new IntegratedGradients(6, StepRule.MIDPOINT, true),
        6,
        StepRule.MIDPOINT,
        false,
        .1,
        8,
        ErrorMode.CIRCUIT,
        edges,
        .01,
        Aggregation.MEAN,
        separate,
        batchSize,
        SEED);
  }

  private CircuitDiscovery.CategoryResult discover(String name, StudiedModel model, DiscoverySettings settings) {
    return new CircuitDiscovery(model, partners, settings)
        .category("planted", name, prompts, files(name), done -> {});
  }

  private CircuitDiscovery.Files files(String name) {
    return new CircuitDiscovery.Files(
        folder.resolve(name + ".safetensors"), folder.resolve(name + ".moments"), folder.resolve("scratch-" + name));
  }

  private Map<HookPoint, Readout> readouts(String name) {
    return CircuitDiscovery.readouts(
        Map.of(name, files(name).attributions()),
        List.of(files(name).moments()),
        Binder.bind(DiscoverConfig.CircuitSection.class, Binder.empty(), Map.<String, String>of()::get),
        SEED);
  }

  @Test
  void filesCircuitsAndCheckAreTheSameForAnyBatchSize() throws Exception {
    StudiedModel model = model(golden.lm(), SinkThresholds.none());
    CircuitDiscovery.CategoryResult one = discover("one", model, settings(1, true));
    CircuitDiscovery.CategoryResult five = discover("five", model, settings(5, true, DiscoverySettings.Edges.CAUSAL));
    assertThat(one.circuits()).containsOnlyKeys("_toxic", "_safe");
    assertThat(nodes(one)).isEqualTo(nodes(five)).isNotEmpty();
    assertThat(five.circuits().get("_toxic").edges()).isNotEmpty();
    assertThat(Files.list(folder.resolve("scratch-one"))).isEmpty();

    Map<HookPoint, Readout> readouts = readouts("one");
    Readout.write(folder.resolve("readout"), "planted", readouts);
    Map<HookPoint, Readout> read = Readout.read(folder.resolve("readout"));
    assertThat(read.keySet()).isEqualTo(readouts.keySet());

    try (AttributionStore a = AttributionStore.open(files("one").attributions());
        AttributionStore b = AttributionStore.open(files("five").attributions())) {
      assertThat(a.size()).isEqualTo(prompts.size());
      assertThat(a.promptIndex()).isEqualTo(prompts.stream().mapToLong(PromptTokens::index).toArray());
      assertThat(a.metric()).containsExactly(b.metric(), within(1e-9));
      for (HookPoint at : a.hookPoints()) {
        AttributionStore.SparseRows rows = a.total(at);
        AttributionStore.SparseRows others = b.total(at);
        assertThat(rows.latents()).isEqualTo(others.latents());
        assertThat(rows.values()).containsExactly(others.values(), within(1e-5f));
        // prompt side and partner side make the total: the prompt side holds what refuses
        float[] promptSide = a.promptSide(at).values();
        assertThat(promptSide).hasSameSizeAs(rows.values());
        for (int p = 0; p < 4; p++) {
          double sum = a.error(at)[p];
          for (int i = (int) rows.offsets()[p]; i < rows.offsets()[p + 1]; i++) {
            sum += rows.values()[i];
          }
          assertThat(sum).as("%s prompt %d", at, p).isCloseTo(a.baselineMetric(at)[p] - a.metric()[p], within(1.5));
        }
        double[] v = a.effect(at, new int[] {0})[0];
        double[] y = Vectors.project(read.get(at).basis(Readout.Kind.REPRODUCIBLE), v);
        assertThat(norm(y)).isPositive().isLessThanOrEqualTo(norm(v) * (1 + 1e-6));
      }
    }
    for (AttributionCheck check : one.checks()) {
      assertThat(check.completeness()).as(check.toString()).isBetween(.8, 1.2);
      assertThat(check.low()).isLessThanOrEqualTo(check.completeness());
      assertThat(check.high()).isGreaterThanOrEqualTo(check.completeness());
      assertThat(check.promptSide() + check.partnerSide() + check.errorShare()).isCloseTo(check.completeness(), within(1e-9));
      assertThat(check.prompts()).isEqualTo(4);
      assertThat(check.refusalGap()).isGreaterThan(5);
      assertThat(check.promptSideOfGap()).isGreaterThan(.5);
    }
    AttributionCheck.write(folder.resolve("check.json"), one.checks());
    assertThat(AttributionCheck.read(folder.resolve("check.json"))).isEqualTo(one.checks());
  }

  @Test
  void thePlantedDirectionIsReadAndCarried() {
    HookPoint at = HookPoint.parse(Json.read(golden.folder().resolve("truth.json")).path("hook_points").get(0).asText());
    Map<String, double[]> planted = new HashMap<>();
    Json.read(golden.folder().resolve("truth.json"))
        .path("directions")
        .path(at.name())
        .fields()
        .forEachRemaining(
            field -> {
              double[] direction = new double[field.getValue().size()];
              for (int i = 0; i < direction.length; i++) {
                direction[i] = field.getValue().get(i).doubleValue();
              }
              planted.put(field.getKey(), direction);
            });
    String name =
        Json.read(golden.folder().resolve("truth.json"))
            .path("direction_of_category")
            .path(prompts.get(0).category())
            .asText();
    discover("planted", model(golden.lm(), SinkThresholds.none()), settings(4, true));
    Readout readout = readouts("planted").get(at);
    double[] direction = planted.get(name);
    for (Readout.Kind kind : Readout.Kind.values()) {
      double[][] basis = readout.basis(kind);
      assertThat(norm(Vectors.project(basis, direction)) / norm(direction)).as(kind.key()).isGreaterThan(.9);
      try (AttributionStore store = AttributionStore.open(files("planted").attributions())) {
        double[] y = Vectors.project(basis, store.effect(at, new int[] {0})[0]);
        double dot = 0;
        for (int i = 0; i < y.length; i++) {
          dot += y[i] * direction[i];
        }
        assertThat(dot / norm(y) / norm(direction)).as(kind.key()).isGreaterThan(.9);
      }
    }
  }

  /** Whatever the autoencoder, latents and error together make up the whole of what happens at a hook point. */
  @Test
  void effectsAddUpAtEveryKindOfHookPoint() {
    SparseAutoencoder sae = golden.saes().values().iterator().next();
    Map<HookPoint, SparseAutoencoder> saes =
        Map.of(HookPoint.attention(2), sae, HookPoint.mlp(3), sae, HookPoint.residuals(3), sae);
    List<PromptTokens> two = prompts.subList(0, 2);
    Baseline baseline = new PairedBaseline(golden.lm(), 0, partners, saes, SinkThresholds.none());
    StudiedModel model =
        new StudiedModel(golden.lm(), golden.metric(), 0, saes, baseline, SinkThresholds.none());
    try (Memory.Scope scope = Memory.scope();
        AttributedBatch batch = new AttributedBatch(model, two)) {
      for (HookPoint at : model.hookPoints()) {
        try (HookedBatch hooked = batch.at(at)) {
          List<NodeEffects> effects = new IntegratedGradients(40, StepRule.MIDPOINT, true).estimate(hooked);
          double[] full = hooked.baselineMetric();
          // the slope at the clean point: a path so short that it is straight
          List<NodeEffects> first = new AttributionPatching().estimate(hooked);
          List<NodeEffects> left = new IntegratedGradients(1, StepRule.LEFT, true).estimate(batch.at(at));
          for (int p = 0; p < two.size(); p++) {
            double whole = full[p] - batch.metric()[p];
            assertThat(effects.get(p).sum()).as("%s prompt %d", at, p).isCloseTo(whole, within(.05 * Math.abs(whole) + .02));
            assertThat(first.get(p).sum()).as("%s prompt %d", at, p).isCloseTo(left.get(p).sum(), within(1e-9));
          }
        }
      }
    }
  }

  @Test
  void nativeMemoryIsGivenBack() {
    StudiedModel model = model(golden.lm(), SinkThresholds.none());
    DiscoverySettings settings = settings(4, false, DiscoverySettings.Edges.CAUSAL);
    discover("memory", model, settings);
    int before = nativeArrays();
    assertThat(before).isPositive();
    discover("memory", model, settings);
    assertThat(nativeArrays()).isLessThanOrEqualTo(before);
  }

  private static int nativeArrays() {
    return golden.lm().manager().getManagedArrays().size()
        + golden.saes().values().stream().mapToInt(sae -> sae.wDec().getManager().getManagedArrays().size()).sum();
  }

  @Test
  void sinksCarryNothingAndAreNotTouched() {
    Map<HookPoint, Double> everything = new HashMap<>();
    golden.saes().keySet().forEach(at -> everything.put(at, 0.0));
    StudiedModel model = model(golden.lm(), new SinkThresholds(everything));
    try (Memory.Scope scope = Memory.scope();
        AttributedBatch batch = new AttributedBatch(model, prompts.subList(0, 2))) {
      for (HookPoint at : model.hookPoints()) {
        try (HookedBatch hooked = batch.at(at)) {
          for (NodeEffects effects : new AttributionPatching().estimate(hooked)) {
            assertThat(effects.latents()).isEmpty();
            assertThat(effects.sum()).isZero();
          }
          assertThat(hooked.baselineMetric()).containsExactly(batch.metric(), within(1e-9));
        }
      }
    }
  }

  @Test
  void outOfMemoryHalvesTheBatchWithTheSameResults() {
    CausalLm tight =
        wrapped(
            arguments -> {
              if (arguments[0] instanceof Prefix prefix && prefix.batch().size() > 4) {
                throw new ai.djl.engine.EngineException("CUDA out of memory. Tried to allocate 2.00 GiB");
              }
              return arguments;
            },
            logits -> logits);
    CircuitDiscovery.CategoryResult halved = discover("halved", model(tight, SinkThresholds.none()), settings(7, false));
    CircuitDiscovery.CategoryResult whole =
        discover("whole", model(golden.lm(), SinkThresholds.none()), settings(7, false));
    assertThat(nodes(halved)).isEqualTo(nodes(whole));
    List<Circuit.ScoredNode> expected = whole.circuits().get("").nodes();
    List<Circuit.ScoredNode> found = halved.circuits().get("").nodes();
    for (int i = 0; i < expected.size(); i++) {
      assertThat(found.get(i).effect()).isCloseTo(expected.get(i).effect(), within(1e-9));
    }
  }

  @Test
  void memoryThatDoesNotSufficeForOnePromptIsSaid() {
    CausalLm none =
        wrapped(
            arguments -> {
              throw new ai.djl.engine.EngineException("DefaultCPUAllocator: can't allocate memory");
            },
            logits -> logits);
    assertThatThrownBy(() -> discover("none", model(none, SinkThresholds.none()), settings(4, false)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("out of memory with a single prompt");
    assertThat(folder.resolve("none.safetensors")).doesNotExist();
  }

  @Test
  void anAttributionThatIsNotFiniteNamesPromptLayerAndStep() {
    CausalLm broken =
        wrapped(
            arguments -> arguments,
            logits -> {
              int rows = (int) logits.getShape().get(0);
              if (rows != 6) {
                return logits;
              }
              double[] factors = {1, 1, 1, Double.NaN, 1, 1};
              return logits.mul(logits.getManager().create(factors, new Shape(rows, 1)));
            });
    HookPoint first = golden.saes().keySet().iterator().next();
    assertThatThrownBy(() -> discover("broken", model(broken, SinkThresholds.none()), settings(1, false)))
        .isInstanceOf(UserException.class)
        .hasMessageContaining(
            prompts.stream().min(Comparator.comparingInt(PromptTokens::length)).orElseThrow().id())
        .hasMessageContaining(first.name())
        .hasMessageContaining("step 4 of 6");
  }

  @Test
  void aCategoryWithoutToxicPromptsIsAnError() {
    CircuitDiscovery discovery =
        new CircuitDiscovery(model(golden.lm(), SinkThresholds.none()), partners, settings(1, true));
    assertThatThrownBy(
            () -> discovery.category("planted", "hate", golden.baselineSafe().subList(0, 2), files("x"), done -> {}))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("hate");
  }

  private static List<Object> nodes(CircuitDiscovery.CategoryResult result) {
    List<Object> nodes = new ArrayList<>();
    result.circuits().forEach((suffix, circuit) -> circuit.nodes().forEach(node -> nodes.add(suffix + node.node())));
    return nodes;
  }

  private static double norm(double[] v) {
    double sum = 0;
    for (double value : v) {
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  /** The model with something in the way of {@code suffix}. */
  private static CausalLm wrapped(UnaryOperator<Object[]> before, UnaryOperator<NDArray> after) {
    return (CausalLm)
        Proxy.newProxyInstance(
            CausalLm.class.getClassLoader(),
            new Class<?>[] {CausalLm.class},
            (proxy, method, arguments) -> {
              try {
                if (!method.getName().equals("suffix")) {
                  return method.invoke(golden.lm(), arguments);
                }
                return after.apply((NDArray) method.invoke(golden.lm(), before.apply(arguments)));
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }
}
