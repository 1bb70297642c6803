package org.refusal.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.Goldens;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.RefusalMetric;
import org.refusal.stats.Summary;
import org.refusal.subject.Captures;
import org.refusal.subject.PairedBaseline;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.SinkThresholds;
import org.refusal.subject.StudiedModel;
import org.refusal.torch.Memory;
import org.refusal.torch.TestDevice;

/** On a tiny model with random weights, in float64, against patched runs of whole prompts. */
class LayerScanTest {
  private static final RefusalMetric METRIC = new RefusalMetric(new int[] {7, 11});
  /** The last token of every prompt. */
  private static final int LOUD = 21;
  private static CausalLm lm;
  private static CausalLm withSinks;

  private final List<List<PromptTokens>> prompts = List.of(PatchedRunsTest.prompts("privacy", 5, 2), PatchedRunsTest.prompts("hate", 3, 7));
  private final Partners partners = new Partners(PatchedRunsTest.prompts("safe", 9, 1), 42);

  @BeforeAll
  static void load(@TempDir Path folder) throws IOException {
    Path tiny = Goldens.folder("models").resolve("llama-mha-fp32");
    lm = CausalLm.load(CheckpointFolder.open(tiny, "tiny"), TestDevice.get(), DataType.FLOAT64);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    try (Safetensors file = Safetensors.open(tiny.resolve("model.safetensors"))) {
      for (Map.Entry<String, Safetensors.Entry> entry : file.entries().entrySet()) {
        float[] values = file.floats(entry.getKey());
        if (entry.getKey().equals("model.embed_tokens.weight")) {
          int width = (int) entry.getValue().shape()[1];
          for (int i = LOUD * width; i < (LOUD + 1) * width; i++) {
            values[i] *= 3000;
          }
        }
        tensors.put(entry.getKey(), Tensor.of(values, entry.getValue().shape()));
      }
    }
    Path loud = folder.resolve("loud");
    Files.createDirectories(loud);
    Files.copy(tiny.resolve("config.json"), loud.resolve("config.json"));
    Safetensors.write(loud.resolve("model.safetensors"), tensors, Map.of());
    withSinks = CausalLm.load(CheckpointFolder.open(loud, "loud"), TestDevice.get(), DataType.FLOAT64);
  }

  @AfterAll
  static void close() {
    lm.close();
    withSinks.close();
  }

  private List<LayerDecision> scan(CausalLm model, SinkThresholds thresholds, int batchSize) {
    return new LayerScan(model, METRIC, 3, partners, thresholds, batchSize)
        .measure(prompts, 200, at -> new SplittableRandom(at.layer()), Progress.none());
  }

  private PatchedRuns runs(CausalLm model, SinkThresholds thresholds) {
    return new PatchedRuns(
        new StudiedModel(
            model, METRIC, 3, Map.of(), new PairedBaseline(model, 3, partners, Map.of(), thresholds), thresholds),
        4);
  }

  /** Every layer's raw drops as {@link DecisionProfile} finds them. */
  private void assertDrops(List<LayerDecision> profile, PatchedRuns runs) {
    assertThat(profile).hasSize(runs.model().lm().config().layers());
    List<RefusalGap> gaps = prompts.stream().map(each -> RefusalGap.measure(runs, each, partners)).toList();
    for (int l = 0; l < profile.size(); l++) {
      LayerDecision found = profile.get(l);
      HookPoint at = HookPoint.residuals(l);
      assertThat(found.hookPoint()).isEqualTo(at.name());
      DecisionProfile expected =
          DecisionProfile.measure(runs, at, prompts, gaps, 200, new SplittableRandom(1));
      for (int c = 0; c < prompts.size(); c++) {
        assertThat(found.drops()[c]).as("%s, category %d", at, c).containsExactly(expected.drops()[c], within(1e-9));
        for (int p = 0; p < prompts.get(c).size(); p++) {
          assertThat(found.gap()[c][p])
              .isCloseTo(gaps.get(c).metric()[p] - gaps.get(c).partnerMetric()[p], within(1e-9));
        }
      }
      assertThat(found.decided()).isCloseTo(expected.decided().value(), within(1e-9));
    }
  }

  @Test
  void everyLayerIsWhatAPatchedRunOfTheWholePromptFinds() {
    List<LayerDecision> profile = scan(lm, SinkThresholds.none(), 8);
    assertDrops(profile, runs(lm, SinkThresholds.none()));
    LayerDecision last = profile.get(profile.size() - 1);
    assertThat(last.drops()).as("after the last layer the last token is all").isDeepEqualTo(last.gap());
    assertThat(profile.get(0).low()).isLessThan(profile.get(0).high());
  }

  @Test
  void batchSizeChangesNothing() {
    List<LayerDecision> together = scan(lm, SinkThresholds.none(), 64);
    for (int batchSize : new int[] {1, 3}) {
      List<LayerDecision> apart = scan(lm, SinkThresholds.none(), batchSize);
      for (int l = 0; l < together.size(); l++) {
        for (int c = 0; c < prompts.size(); c++) {
          assertThat(apart.get(l).drops()[c]).containsExactly(together.get(l).drops()[c], within(1e-9));
        }
        assertThat(apart.get(l).low()).isCloseTo(together.get(l).low(), within(1e-9));
      }
    }
  }

  @Test
  void sinksAreLeftAloneWhereNoAutoencoderSaysWhichTheyAre() {
    Map<HookPoint, Double> byPoint = new HashMap<>();
    for (int layer = 0; layer < withSinks.config().layers(); layer++) {
      HookPoint at = HookPoint.residuals(layer);
      double[] norms = prompts.stream().flatMap(List::stream).flatMapToDouble(p -> Arrays.stream(norms(p, at))).toArray();
      byPoint.put(at, 10 * Summary.median(norms));
      assertThat(Arrays.stream(norms).max().orElseThrow()).as("a sink at " + at).isGreaterThan(byPoint.get(at));
    }
    SinkThresholds thresholds = new SinkThresholds(byPoint);
    List<LayerDecision> profile = scan(withSinks, SinkThresholds.none(), 3);
    assertDrops(profile, runs(withSinks, thresholds));
    assertDrops(scan(withSinks, thresholds, 8), runs(withSinks, thresholds));
    LayerDecision last = profile.get(profile.size() - 1);
    assertThat(last.drops()[0]).as("the last token is a sink and stays").containsOnly(0);
    // a threshold that is known counts, even one that calls nothing a sink
    Map<HookPoint, Double> known = new HashMap<>(byPoint);
    HookPoint loud = HookPoint.residuals(withSinks.config().layers() - 1);
    known.put(loud, Double.POSITIVE_INFINITY);
    assertDrops(scan(withSinks, new SinkThresholds(Map.of(loud, Double.POSITIVE_INFINITY)), 8), runs(withSinks, new SinkThresholds(known)));
  }

  private static double[] norms(PromptTokens prompt, HookPoint at) {
    try (Memory.Scope scope = Memory.scope();
        Captures captures = Captures.of(withSinks, Captures.batch(List.of(prompt), 3), List.of(at))) {
      NDArray x = captures.row(at, 0);
      return x.mul(x).sum(new int[] {1}).sqrt().toDoubleArray();
    }
  }

  @Test
  void aTemplateThatEndsWithTheUsersTextDecidesNothing() {
    List<PromptTokens> bare = new ArrayList<>();
    for (PromptTokens each : PatchedRunsTest.prompts("hate", 3, 4)) {
      bare.add(new PromptTokens("hate", each.index(), true, true, each.ids(), 0, each.length()));
    }
    List<PromptTokens> safe = new ArrayList<>();
    for (PromptTokens each : PatchedRunsTest.prompts("safe", 3, 5)) {
      safe.add(new PromptTokens("safe", each.index(), false, false, each.ids(), 0, each.length()));
    }
    List<LayerDecision> profile =
        new LayerScan(lm, METRIC, 3, new Partners(safe, 1), SinkThresholds.none(), 8)
            .measure(List.of(bare), 10, at -> new SplittableRandom(1), Progress.none());
    assertThat(profile).allSatisfy(at -> {
      for (double drop : at.drops()[0]) {
        assertThat(drop).isCloseTo(0, within(1e-9));
      }
    });
  }

  @Test
  void partnersOfAnotherTemplateAreAnError() {
    PromptTokens odd = new PromptTokens("safe", 0, false, false, new int[] {20, 21, 60, 61, 22, 23, 24}, 2, 4);
    LayerScan scan = new LayerScan(lm, METRIC, 3, new Partners(List.of(odd), 1), SinkThresholds.none(), 8);
    assertThatThrownBy(() -> scan.measure(prompts, 10, at -> new SplittableRandom(1), Progress.none()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("do not share a template");
  }

  /** Drops 1 and 3 of gaps 2 and 6, and drops 3, 3 of gaps 4, 4: (1/2 + 3/4) / 2. */
  @Test
  void decidedByHand() {
    LayerDecision decision =
        LayerDecision.of(
            HookPoint.residuals(3), new double[][] {{1, 3}, {3, 3}}, new double[][] {{2, 6}, {4, 4}}, 50,
            new SplittableRandom(1));
    assertThat(decision.hookPoint()).isEqualTo("residuals_3");
    assertThat(decision.decided()).isEqualTo(.625);
    assertThat(decision.low()).as("every resample has this ratio").isEqualTo(.625);
    assertThat(decision.high()).isEqualTo(.625);
  }
}
