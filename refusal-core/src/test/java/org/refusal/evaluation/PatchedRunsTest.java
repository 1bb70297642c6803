package org.refusal.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.refusal.Goldens;
import org.refusal.base.UserException;
import org.refusal.circuit.ErrorMode;
import org.refusal.circuit.HookPoint;
import org.refusal.data.PromptKey;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.Generator;
import org.refusal.model.Hook;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.model.RefusalMetric;
import org.refusal.model.TokenBatch;
import org.refusal.sae.SaeWeights;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.sae.TensorAutoencoder;
import org.refusal.subject.Alignment;
import org.refusal.subject.Captures;
import org.refusal.subject.PairedBaseline;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.SinkThresholds;
import org.refusal.subject.StudiedModel;
import org.refusal.subject.ZeroBaseline;
import org.refusal.torch.Devices;
import org.refusal.torch.Memory;
import org.refusal.torch.TestDevice;

/** On a tiny model with random weights, in float64, against runs of one prompt with a hook written out. */
class PatchedRunsTest {
  private static final RefusalMetric METRIC = new RefusalMetric(new int[] {7, 11});
  private static CausalLm lm;

  private final List<PromptTokens> pool = prompts("safe", 9, 1);
  private final List<PromptTokens> prompts = prompts("privacy", 5, 2);
  private final Partners partners = new Partners(pool, 42);

  @BeforeAll
  static void load() {
    lm =
        CausalLm.load(
            CheckpointFolder.open(Goldens.folder("models").resolve("llama-mha-fp32"), "tiny"),
            TestDevice.get(),
            DataType.FLOAT64);
  }

  @AfterAll
  static void close() {
    lm.close();
  }

  /** Prompts of random words between the same two tokens at either end, 6 to 12 tokens. */
  static List<PromptTokens> prompts(String category, int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<PromptTokens> prompts = new ArrayList<>();
    for (int p = 0; p < count; p++) {
      int length = 6 + random.nextInt(7);
      int[] ids = new int[length];
      for (int t = 0; t < length; t++) {
        ids[t] = t < 2 || t >= length - 2 ? 20 + Math.min(t, length - t) : 50 + random.nextInt(400);
      }
      prompts.add(new PromptTokens(new PromptKey(category, p), !category.equals("safe"), true, ids, 2, length - 2));
    }
    return prompts;
  }

  private StudiedModel model(SinkThresholds thresholds, Map<HookPoint, SparseAutoencoder> saes) {
    return new StudiedModel(
        lm, METRIC, 3, saes, new PairedBaseline(lm, 3, partners, saes, thresholds), thresholds);
  }

  /** m of one prompt with rows from {@code from} on, but not {@code untouched}, set to the partner's. */
  private double byHand(PromptTokens prompt, HookPoint at, int from, int untouched) {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray logits =
          lm.forward(
              new TokenBatch(List.of(prompt.ids()), 3), Hooks.at(at, partnersHook(prompt, at, from, untouched)),
              LogitsAt.LAST);
      return METRIC.apply(logits).toDoubleArray()[0];
    }
  }

  /** Acts on the prompt, not on what is generated after it. */
  private Hook partnersHook(PromptTokens prompt, HookPoint at, int from, int untouched) {
    PromptTokens partner = partners.of(prompt);
    int[] aligned = Alignment.of(prompt, partner);
    try (Captures captures = Captures.of(lm, new TokenBatch(List.of(partner.ids()), 3), List.of(at))) {
      double[] values = captures.row(at, 0).toDoubleArray();
      int width = lm.config().dModel();
      return (activation, point) -> {
        double[] x = activation.toDoubleArray();
        if (x.length == aligned.length * width) {
          for (int t = from; t < aligned.length; t++) {
            if (t != untouched) {
              System.arraycopy(values, aligned[t] * width, x, t * width, width);
            }
          }
        }
        return activation.getManager().create(x, activation.getShape());
      };
    }
  }

  @Test
  void textUnderInterventionsIsThatOfOnePromptAtATimeWhateverTheBatch() {
    Generator generator = new Generator(lm, List.of());
    double[][] direction = Directions.random(lm.config().dModel(), 1, new SplittableRandom(2));
    StudiedModel model = model(SinkThresholds.none(), Map.of());
    int changed = 0;
    for (HookPoint at : List.of(HookPoint.residuals(1), HookPoint.mlp(1), HookPoint.attention(2))) {
      Intervention everything = Intervention.at("everything", at, new Replacement.Everything());
      List<Intervention> interventions =
          List.of(
              everything,
              everything.onlyAt(Positions.POST_INSTRUCTION),
              Intervention.at("nothing", at, new Replacement.Span(new double[0][])),
              Intervention.at("ablation", at, new Replacement.Ablation(direction)));
      int[][] plain = new PatchedRuns(model, 4).generate(prompts, generator, 6);
      int[][][] found = new PatchedRuns(model, 64).generate(prompts, interventions, generator, 6);
      assertThat(new PatchedRuns(model, 3).generate(prompts, interventions, generator, 6)).isDeepEqualTo(found);
      assertThat(new PatchedRuns(model, 1).generate(prompts, interventions, generator, 6)).isDeepEqualTo(found);
      for (int p = 0; p < prompts.size(); p++) {
        PromptTokens prompt = prompts.get(p);
        try (Memory.Scope scope = Memory.scope()) {
          TokenBatch alone = new TokenBatch(List.of(prompt.ids()), 3);
          List<Hook> hooks =
              List.of(
                  partnersHook(prompt, at, 0, -1),
                  partnersHook(prompt, at, prompt.userTo(), -1),
                  (x, point) -> x,
                  (x, point) -> {
                    NDArray row = x.getManager().create(direction[0]).reshape(1, 1, direction[0].length);
                    return x.sub(row.mul(x.mul(row).sum(new int[] {2}, true)));
                  });
          for (int i = 0; i < hooks.size(); i++) {
            assertThat(found[i][p])
                .as("%s at %s, prompt %d", interventions.get(i).name(), at, p)
                .containsExactly(generator.generate(alone, 6, Hooks.at(at, hooks.get(i))).ids().get(0));
          }
        }
        assertThat(found[2][p]).containsExactly(plain[p]);
        changed += java.util.Arrays.equals(found[0][p], plain[p]) ? 0 : 1;
      }
    }
    assertThat(changed).as("texts that an intervention changed").isGreaterThan(5);
  }

  @Test
  void everythingAtThePartnersEqualsAHookWrittenOut() {
    for (HookPoint at : List.of(HookPoint.residuals(1), HookPoint.mlp(2), HookPoint.attention(0))) {
      Intervention all = Intervention.at("all", at, new Replacement.Everything());
      PatchedRuns runs = new PatchedRuns(model(SinkThresholds.none(), Map.of()), 8);
      double[][] m = runs.metric(prompts, List.of(all, all.onlyAt(Positions.POST_INSTRUCTION)));
      for (int p = 0; p < prompts.size(); p++) {
        PromptTokens prompt = prompts.get(p);
        assertThat(m[0][p]).as("%s, prompt %d", at, p).isCloseTo(byHand(prompt, at, 0, -1), within(1e-9));
        assertThat(m[1][p]).as("%s, prompt %d", at, p).isCloseTo(byHand(prompt, at, prompt.userTo(), -1), within(1e-9));
      }
    }
  }

  @Test
  void batchSizeAndCompanyChangeNothing() {
    Map<HookPoint, SparseAutoencoder> saes = new TreeMap<>();
    HookPoint low = HookPoint.residuals(1);
    HookPoint high = HookPoint.residuals(2);
    for (HookPoint at : List.of(low, high)) {
      saes.put(at, TensorAutoencoder.of(randomWeights(lm.config().dModel(), 32, 4, at.layer()), lm.manager(), DataType.FLOAT64));
    }
    StudiedModel model = model(SinkThresholds.none(), saes);
    CircuitInterventions circuits = new CircuitInterventions(Map.of(low, 32, high, 32), ErrorMode.CIRCUIT);
    double[][] direction = Directions.random(lm.config().dModel(), 2, new SplittableRandom(4));
    double[][] other = Directions.random(lm.config().dModel(), 1, new SplittableRandom(5));
    List<Intervention> interventions =
        List.of(
            circuits.empty(),
            Intervention.at("span", high, new Replacement.Span(direction)),
            circuits.circuit("C", List.of(new org.refusal.circuit.LatentNode(low, 3))),
            Intervention.at("narrow span", high, new Replacement.Span(other)),
            Intervention.at("in another's amount", high, new Replacement.Span(other, new double[][] {direction[0]})),
            Intervention.at("ablation", List.of(low, high), new Replacement.Ablation(direction)));
    double[][] together = new PatchedRuns(model, 64).metric(prompts, interventions);
    for (int i = 0; i < interventions.size(); i++) {
      for (int p = 0; p < prompts.size(); p++) {
        double alone =
            new PatchedRuns(model, 1).metric(List.of(prompts.get(p)), List.of(interventions.get(i)))[0][0];
        assertThat(together[i][p]).as("%s, prompt %d", interventions.get(i).name(), p).isCloseTo(alone, within(1e-9));
      }
    }
    saes.values().forEach(SparseAutoencoder::close);
  }

  @Test
  void aFullSpanIsEverything() {
    HookPoint at = HookPoint.residuals(2);
    double[][] identity = Directions.random(lm.config().dModel(), lm.config().dModel(), new SplittableRandom(1));
    double[][] m =
        new PatchedRuns(model(SinkThresholds.none(), Map.of()), 8)
            .metric(
                prompts,
                List.of(
                    Intervention.at("span", at, new Replacement.Span(identity)),
                    Intervention.at("all", at, new Replacement.Everything())));
    assertThat(m[0]).containsExactly(m[1], within(1e-9));
  }

  @Test
  void sinksAreLeftAlone() {
    HookPoint at = HookPoint.residuals(1);
    PromptTokens prompt = prompts.get(0);
    double[] norms = new double[prompt.length()];
    try (Memory.Scope scope = Memory.scope();
        Captures captures = Captures.of(lm, new TokenBatch(List.of(prompt.ids()), 3), List.of(at))) {
      double[] x = captures.row(at, 0).toDoubleArray();
      int width = lm.config().dModel();
      for (int i = 0; i < x.length; i++) {
        norms[i / width] += x[i] * x[i];
      }
    }
    int largest = 0;
    double second = 0;
    for (int t = 1; t < norms.length; t++) {
      largest = norms[t] > norms[largest] ? t : largest;
    }
    for (int t = 0; t < norms.length; t++) {
      second = t == largest ? second : Math.max(second, norms[t]);
    }
    double threshold = (Math.sqrt(norms[largest]) + Math.sqrt(second)) / 2;
    SinkThresholds thresholds = new SinkThresholds(Map.of(at, threshold));
    // the partners' own sinks would be left alone as well: their thresholds are off here
    StudiedModel model =
        new StudiedModel(
            lm, METRIC, 3, Map.of(), new PairedBaseline(lm, 3, partners, Map.of(), SinkThresholds.none()), thresholds);
    Intervention all = Intervention.at("all", at, new Replacement.Everything());
    double m = new PatchedRuns(model, 8).metric(List.of(prompt), List.of(all))[0][0];
    assertThat(m).isCloseTo(byHand(prompt, at, 0, largest), within(1e-9));
    assertThat(m).isNotCloseTo(byHand(prompt, at, 0, -1), within(1e-9));
  }

  /** f = relu(x), decoder rows (1, 0) and (0, 2): x = (3, 4) has f = (3, 4), x̂ = (3, 8), e = (0, -4). */
  @Test
  void twoLatentsByHand() {
    HookPoint at = HookPoint.residuals(0);
    try (Memory.Scope scope = Memory.scope();
        SparseAutoencoder sae =
            TensorAutoencoder.of(
                new SaeWeights(
                    2, 2, 2, new float[] {1, 0, 0, 1}, new float[2], new float[] {1, 0, 0, 2}, new float[2]),
                Devices.manager(TestDevice.get()),
                DataType.FLOAT64)) {
      Map<HookPoint, SparseAutoencoder> saes = Map.of(at, sae);
      PromptTokens prompt = new PromptTokens(new PromptKey("privacy", 0), true, true, new int[] {1, 2}, 0, 1);
      PromptTokens longer = new PromptTokens(new PromptKey("privacy", 1), true, true, new int[] {1, 2, 3}, 0, 2);
      StudiedModel model =
          new StudiedModel(null, METRIC, 3, saes, new ZeroBaseline(saes), SinkThresholds.none());
      List<Intervention> interventions =
          List.of(
              Intervention.at("latent 1", at, Replacement.Nodes.latents(1)),
              Intervention.at("error", at, new Replacement.Nodes(new java.util.BitSet(), true)),
              Intervention.at("latent 1, late", at, Replacement.Nodes.latents(1)).onlyAt(Positions.POST_INSTRUCTION),
              Intervention.at("everything", at, new Replacement.Everything()),
              Intervention.at("ablation", at, new Replacement.Ablation(new double[][] {{0, 1}})),
              Intervention.at("in another's amount", at, new Replacement.Span(new double[][] {{1, 0}}, new double[][] {{0, 1}})));
      try (PatchedBatch batch = new PatchedBatch(model, List.of(prompt, longer), List.of(at))) {
        int rows = 2 * interventions.size();
        double[] x = new double[rows * 3 * 2];
        for (int i = 0; i < x.length; i++) {
          x[i] = i % 2 == 0 ? 3 : 4;
        }
        NDArray patched =
            batch.apply(Devices.manager(TestDevice.get()).create(x, new Shape(rows, 3, 2)), at, interventions);
        double[] found = patched.toDoubleArray();
        double[][] expected = { // by intervention: at the user's tokens, at the post-instruction token
          {3, -4, 3, -4}, {3, 8, 3, 8}, {3, 4, 3, -4}, {0, 0, 0, 0}, {3, 0, 3, 0}, {-1, 4, -1, 4}
        };
        for (int row = 0; row < rows; row++) {
          boolean padded = row < interventions.size();
          double[] want = expected[row % interventions.size()];
          double[] first = padded ? new double[] {3, 4} : new double[] {want[0], want[1]};
          assertThat(java.util.Arrays.copyOfRange(found, row * 6, row * 6 + 6))
              .as("row %d", row)
              .containsExactly(new double[] {first[0], first[1], want[0], want[1], want[2], want[3]}, within(1e-12));
        }
      }
    }
  }

  @Test
  void outOfMemoryHalvesTheBatch() {
    List<List<Integer>> tried = new ArrayList<>();
    class Work {
      void run(List<Integer> chunk) {
        tried.add(chunk);
        if (chunk.size() > 1) {
          PatchedRuns.halve(new RuntimeException("CUDA out of memory"), chunk, this::run);
        }
      }
    }
    new Work().run(List.of(4, 5, 6));
    assertThat(tried).containsExactly(List.of(4, 5, 6), List.of(4), List.of(5, 6), List.of(5), List.of(6));
    assertThatThrownBy(() -> PatchedRuns.halve(new RuntimeException("out of memory"), List.of(1), chunk -> {}))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("single prompt");
    IllegalStateException other = new IllegalStateException("shape");
    assertThatThrownBy(() -> PatchedRuns.halve(other, List.of(1, 2), chunk -> {})).isSameAs(other);
  }

  @Test
  void anInterventionThatChangesNothingHasNoSideEffects() {
    HookPoint at = HookPoint.residuals(1);
    PatchedRuns runs = new PatchedRuns(model(SinkThresholds.none(), Map.of()), 4);
    double[][] direction = Directions.random(lm.config().dModel(), 3, new SplittableRandom(2));
    SideEffects none =
        SideEffects.measure(
            runs, pool, Intervention.at("nothing", at, new Replacement.Span(new double[0][])));
    assertThat(none.kl()).containsOnly(0).hasSize(pool.size());
    assertThat(none.crossEntropy()).containsExactly(none.crossEntropyModel());
    SideEffects some =
        SideEffects.measure(runs, pool, Intervention.at("some", at, new Replacement.Ablation(direction)));
    for (double kl : some.kl()) {
      assertThat(kl).isGreaterThan(0);
    }
    assertThat(some.crossEntropyModel()).containsExactly(none.crossEntropyModel(), within(1e-9));
  }

  /** Where all effects are 0 and errors are kept there is no node to rank. */
  @Test
  void aCurveWithoutNodesIsUndefinedAndSaysWhy() {
    HookPoint at = HookPoint.residuals(1);
    try (SparseAutoencoder sae =
        TensorAutoencoder.of(randomWeights(lm.config().dModel(), 32, 4, 1), lm.manager(), DataType.FLOAT64)) {
      PatchedRuns runs = new PatchedRuns(model(SinkThresholds.none(), Map.of(at, sae)), 8);
      FaithfulnessCurve curve =
          FaithfulnessCurve.measure(
              runs, new CircuitInterventions(Map.of(at, 32), ErrorMode.KEEP), prompts, runs.clean(prompts), 1, List.of(),
              FaithfulnessCurve.sizes(0, 12), 3, 20, new SplittableRandom(1));
      assertThat(curve.sizes()).isEmpty();
      assertThat(curve.undefined()).isEqualTo("no node has an effect, so that there is no circuit to score");
      assertThat(curve.area().value()).isNaN();
      assertThat(curve.randomArea()).isNaN();
      assertThat(curve.empty()).hasSize(prompts.size());
    }
  }

  @Test
  void whereEveryPostInstructionTokenIsASinkThereIsNoDifferenceOfMeansAndNoFailure() {
    HookPoint quiet = HookPoint.residuals(1);
    HookPoint loud = HookPoint.residuals(2);
    SinkThresholds thresholds = new SinkThresholds(Map.of(loud, 0.0));
    PatchedRuns runs = new PatchedRuns(model(thresholds, Map.of()), 3);
    Map<HookPoint, DiscoveryMeans> refused = DiscoveryMeans.over(runs, prompts, List.of(quiet, loud));
    Map<HookPoint, DiscoveryMeans> answered = DiscoveryMeans.over(runs, pool, List.of(quiet, loud));
    assertThat(refused.get(quiet).hasPostInstruction()).isTrue();
    assertThat(DiscoveryMeans.difference(refused.get(quiet), answered.get(quiet))).hasDimensions(1, lm.config().dModel());
    assertThat(refused.get(loud).hasPostInstruction()).isFalse();
    assertThat(DiscoveryMeans.difference(refused.get(loud), answered.get(loud))).isEmpty();
    TransferPart part =
        new TransferParts(
                new org.refusal.config.EvaluateConfig.Transfer(List.of(), "reproducible", "own", .95, 512, .95, 16, 2, 2), 1, "privacy", loud)
            .differenceOfMeans(refused.get(loud), answered.get(loud));
    assertThat(part.size()).isZero();
  }

  private static SaeWeights randomWeights(int dIn, int dSae, int k, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    return new SaeWeights(
        dIn, dSae, k, floats(dIn * dSae, random), floats(dSae, random), floats(dIn * dSae, random), floats(dIn, random));
  }

  private static float[] floats(int count, SplittableRandom random) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextDouble() - .5);
    }
    return values;
  }
}
