package org.refusal.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.torch.Autograd;
import org.refusal.torch.Devices;
import org.refusal.torch.Memory;
import org.refusal.torch.TestDevice;

class CausalLmTest {
  @TempDir static Path folder;
  private Memory.Scope scope;
  private CausalLm lm;

  @BeforeEach
  void load() {
    TinyCheckpoint.write(folder, TinyCheckpoint.tensors());
    scope = Memory.scope();
    lm = CausalLm.load(CheckpointFolder.open(folder, "tiny"), TestDevice.get(), DataType.FLOAT64);
  }

  @AfterEach
  void close() {
    lm.close();
    scope.close();
  }

  private static TokenBatch batch(int[]... rows) {
    return new TokenBatch(List.of(rows), 0);
  }

  @Test
  void suffixOfARepeatedPrefixAndItsGradient() {
    TokenBatch batch = batch(new int[] {1, 5, 6}, new int[] {7, 8});
    RefusalMetric metric = new RefusalMetric(new int[] {4, 9});
    for (HookPoint.Site site : HookPoint.Site.values()) {
      HookPoint at = new HookPoint(0, site);
      double[] whole = metric.apply(lm.forward(batch, Hooks.none(), LogitsAt.LAST)).toDoubleArray();
      Prefix twice = lm.prefix(batch, at, Hooks.none()).repeat(2);
      double[] found =
          metric.apply(lm.suffix(twice, twice.activation(), Hooks.none(), LogitsAt.LAST)).toDoubleArray();
      assertThat(found).containsExactly(new double[] {whole[0], whole[0], whole[1], whole[1]}, within(1e-12));
      try (Autograd tape = Autograd.record()) {
        NDArray a = tape.watch(twice.activation());
        NDArray m = metric.apply(lm.suffix(twice, a, Hooks.none(), LogitsAt.LAST)).sum();
        double[] gradient = tape.gradients(m, List.of(a)).get(0).toDoubleArray();
        double[] values = a.toDoubleArray();
        int component = 2 * 8 + 3; // row 0, position 2
        double h = 1e-5;
        double[] m2 = new double[2];
        for (int side = 0; side < 2; side++) {
          double[] moved = values.clone();
          moved[component] += side == 0 ? -h : h;
          NDArray x = lm.manager().create(moved, a.getShape());
          m2[side] = metric.apply(lm.suffix(twice, x, Hooks.none(), LogitsAt.LAST)).toDoubleArray()[0];
        }
        assertThat(gradient[component]).isCloseTo((m2[1] - m2[0]) / (2 * h), within(1e-6));
      }
    }
  }

  private static Hook into(Map<HookPoint, NDArray> seen) {
    return (x, at) -> {
      seen.put(at, x);
      return x;
    };
  }

  @Test
  void theStreamBetweenAttentionAndMlpIsWhatTheLayerReadPlusItsAttention() {
    TokenBatch batch = batch(new int[] {1, 5, 6}, new int[] {7, 8});
    double[] whole = lm.forward(batch, Hooks.none(), LogitsAt.ALL).toDoubleArray();
    List<HookPoint> points =
        List.of(
            HookPoint.residuals(0), HookPoint.attention(1), HookPoint.residualsMid(1), HookPoint.mlp(1),
            HookPoint.residuals(1));
    Map<HookPoint, NDArray> seen = new LinkedHashMap<>();
    Map<HookPoint, Hook> hooks = new HashMap<>();
    points.forEach(point -> hooks.put(point, into(seen)));
    assertThat(lm.forward(batch, new Hooks(hooks), LogitsAt.ALL).toDoubleArray())
        .as("looking changes nothing").containsExactly(whole, within(1e-12));
    assertThat(seen.keySet()).as("in the order of the pass").containsExactlyElementsOf(points);
    double[] mid = seen.get(points.get(2)).toDoubleArray();
    assertThat(mid)
        .containsExactly(seen.get(points.get(0)).add(seen.get(points.get(1))).toDoubleArray(), within(1e-12));
    assertThat(seen.get(points.get(4)).toDoubleArray())
        .containsExactly(seen.get(points.get(2)).add(seen.get(points.get(3))).toDoubleArray(), within(1e-12));
    Map<HookPoint, NDArray> alone = new HashMap<>();
    lm.forward(batch, Hooks.at(points.get(2), into(alone)), LogitsAt.LAST);
    assertThat(alone.get(points.get(2)).toDoubleArray()).containsExactly(mid, within(1e-12));
    assertThat(lm.prefix(batch, points.get(2), Hooks.none()).activation().toDoubleArray())
        .containsExactly(mid, within(1e-12));
  }

  @Test
  void patchingTheStreamBetweenAttentionAndMlp() {
    TokenBatch one = batch(new int[] {1, 5, 6});
    TokenBatch other = batch(new int[] {7, 8, 9});
    double[] ofOne = lm.forward(one, Hooks.none(), LogitsAt.LAST).toDoubleArray();
    double[] ofOther = lm.forward(other, Hooks.none(), LogitsAt.LAST).toDoubleArray();
    // after the attention of the last layer nothing else of a prompt is read, so that only there its logits follow
    HookPoint last = HookPoint.residualsMid(1);
    Prefix from = lm.prefix(one, last, Hooks.none());
    NDArray to = lm.prefix(other, last, Hooks.none()).activation();
    assertThat(lm.suffix(from, from.activation(), Hooks.none(), LogitsAt.LAST).toDoubleArray())
        .containsExactly(ofOne, within(1e-12));
    assertThat(lm.suffix(from, to, Hooks.none(), LogitsAt.LAST).toDoubleArray()).containsExactly(ofOther, within(1e-12));
    assertThat(lm.forward(one, Hooks.at(last, (x, at) -> to), LogitsAt.LAST).toDoubleArray())
        .containsExactly(ofOther, within(1e-12));
    // as does the whole stream one layer below: the layers above read nothing but it
    HookPoint first = HookPoint.residualsMid(0);
    NDArray below = lm.prefix(other, first, Hooks.none()).activation();
    assertThat(lm.suffix(lm.prefix(one, first, Hooks.none()), below, Hooks.none(), LogitsAt.LAST).toDoubleArray())
        .containsExactly(ofOther, within(1e-12));
    // a hook there acts on what comes from below it
    double[] patched =
        lm.suffix(
                lm.prefix(one, HookPoint.attention(1), Hooks.none()),
                lm.prefix(one, HookPoint.attention(1), Hooks.none()).activation(),
                Hooks.at(last, (x, at) -> to),
                LogitsAt.LAST)
            .toDoubleArray();
    assertThat(patched).containsExactly(ofOther, within(1e-12));
    Prefix mlp = lm.prefix(one, HookPoint.mlp(1), Hooks.at(last, (x, at) -> to));
    assertThat(lm.suffix(mlp, mlp.activation(), Hooks.none(), LogitsAt.LAST).toDoubleArray())
        .containsExactly(ofOther, within(1e-12));
  }

  /** Keys and values of the columns that stay are shared, and text is generated, from there too. */
  @Test
  void sharingAndGeneratingFromTheStreamBetweenAttentionAndMlp() {
    TokenBatch batch = batch(new int[] {1, 5, 6, 3}, new int[] {7, 8});
    double[] whole = lm.forward(batch, Hooks.none(), LogitsAt.LAST).toDoubleArray();
    for (int layer = 0; layer < 2; layer++) {
      HookPoint at = HookPoint.residualsMid(layer);
      Prefix shared = lm.share(lm.prefix(batch, at, Hooks.none()), 2);
      assertThat(lm.suffix(shared, shared.activation(), Hooks.none(), LogitsAt.LAST).toDoubleArray())
          .containsExactly(whole, within(1e-12));
      shared.past().close();
      Prefix prefix = lm.prefixToGenerate(batch, at, Hooks.none());
      CausalLm.Prefill plain = lm.prefill(batch, 1, Hooks.none());
      CausalLm.Prefill prefill = lm.prefill(prefix, prefix.activation(), 1, Hooks.none());
      try (KvCache a = plain.cache(); KvCache b = prefill.cache(); KvCache below = prefix.below()) {
        assertThat(prefill.logits().toDoubleArray()).containsExactly(whole, within(1e-12));
        assertThat(lm.step(b, new int[] {4, 9}, Hooks.none()).toDoubleArray())
            .containsExactly(lm.step(a, new int[] {4, 9}, Hooks.none()).toDoubleArray(), within(1e-12));
      }
    }
  }

  @Test
  void metricIsTheLogOdds() {
    NDArray logits = lm.manager().create(new double[] {1, 2, 3, 4}, new ai.djl.ndarray.types.Shape(1, 4));
    double expected = Math.log(Math.exp(1) + Math.exp(4)) - Math.log(Math.exp(2) + Math.exp(3));
    assertThat(new RefusalMetric(new int[] {3, 0, 3}).apply(logits).toDoubleArray()[0])
        .isCloseTo(expected, within(1e-12));
  }

  @Test
  void generationStopsEachRowAtItsOwnEnd() {
    TokenBatch batch = batch(new int[] {1, 5, 6, 3}, new int[] {7, 8}, new int[] {9});
    Generation free = new Generator(lm, List.of()).generate(batch, 12, Hooks.none());
    assertThat(free.ids()).allSatisfy(ids -> assertThat(ids).hasSize(12));
    int end = free.ids().get(1)[3];
    Generation stopped = new Generator(lm, List.of(end)).generate(batch, 12, Hooks.none());
    for (int row = 0; row < 3; row++) {
      List<Integer> expected = new ArrayList<>();
      boolean ended = false;
      for (int id : free.ids().get(row)) {
        ended |= id == end;
        if (!ended) {
          expected.add(id);
        }
      }
      assertThat(stopped.ids().get(row)).containsExactly(expected.stream().mapToInt(i -> i).toArray());
      assertThat(stopped.ended()[row]).isEqualTo(ended);
      Generation alone = new Generator(lm, List.of()).generate(batch(batch.rows().get(row)), 12, Hooks.none());
      assertThat(alone.ids().get(0)).isEqualTo(free.ids().get(row));
    }
    assertThat(new Generator(lm).generate(batch, 0, Hooks.none()).ids().get(0)).isEmpty();
  }

  @Test
  void hooksSeeThePromptOnceAndThenEachToken() {
    List<Long> widths = new ArrayList<>();
    Hooks hooks =
        Hooks.at(
            HookPoint.mlp(1),
            (x, at) -> {
              widths.add(x.getShape().get(1));
              return x;
            });
    new Generator(lm, List.of()).generate(batch(new int[] {1, 5, 6}, new int[] {7}), 4, hooks);
    assertThat(widths).containsExactly(3L, 1L, 1L, 1L);
  }

  /** Rows padded less than, exactly and more than the tokens that they share. */
  @Test
  void sharedTokensAreRunOnceAndChangeNothing() {
    TokenBatch batch =
        batch(
            new int[] {1, 5, 6, 7, 3, 9, 2, 4, 8}, new int[] {1, 5, 6, 7, 8, 2}, new int[] {1, 5, 6, 7, 9},
            new int[] {1, 5, 6, 7, 3, 9, 2, 4});
    assertThat(batch.sharedTokens()).isEqualTo(4);
    assertThat(batch(new int[] {1, 5}, new int[] {1, 5, 6}).sharedTokens()).as("one own token each").isEqualTo(1);
    assertThat(batch(new int[] {1, 5, 6}).sharedTokens()).isZero();
    HookPoint at = HookPoint.residuals(1);
    List<NDArray> seen = new ArrayList<>();
    Hooks hooks =
        Hooks.at(
            at,
            (x, point) -> {
              seen.add(x);
              return x;
            });
    CausalLm.Prefill plain = lm.prefill(batch, 3, hooks);
    CausalLm.Prefill shared = lm.prefill(batch, 4, 3, hooks, hooks);
    assertThat(shared.logits().toDoubleArray()).containsExactly(plain.logits().toDoubleArray(), within(1e-12));
    NDArray all = seen.get(0);
    for (int row = 0; row < batch.size(); row++) {
      for (int token = 0; token < batch.length(row); token++) {
        int column = batch.padding(row) + token;
        double[] expected = all.get(row, column).toDoubleArray();
        if (token < 4) {
          assertThat(seen.get(1).get(0, token).toDoubleArray()).containsExactly(expected, within(1e-12));
        }
        if (column >= 4) {
          assertThat(seen.get(2).get(row, column - 4).toDoubleArray()).containsExactly(expected, within(1e-12));
        }
      }
    }
    int[] next = {3, 4, 5, 6};
    try (KvCache a = plain.cache(); KvCache b = shared.cache()) {
      for (int step = 0; step < 2; step++) {
        assertThat(lm.step(b, next, Hooks.none()).toDoubleArray())
            .containsExactly(lm.step(a, next, Hooks.none()).toDoubleArray(), within(1e-12));
      }
    }
    assertThatThrownBy(() -> lm.prefill(batch, 5, 3, hooks, hooks)).isInstanceOf(IllegalArgumentException.class);
  }

  /** A step in float32 uses packed weights where the processor has them. */
  @Test
  void aStepComputesWhatAWholePassDoes() {
    try (CausalLm single = CausalLm.load(CheckpointFolder.open(folder, "tiny"), TestDevice.get(), DataType.FLOAT32)) {
      CausalLm.Prefill prefill = single.prefill(batch(new int[] {1, 5, 6}, new int[] {7, 8}), 1, Hooks.none());
      try (KvCache cache = prefill.cache()) {
        float[] stepped = single.step(cache, new int[] {9, 3}, Hooks.none()).toFloatArray();
        TokenBatch whole = batch(new int[] {1, 5, 6, 9}, new int[] {7, 8, 3});
        assertThat(stepped)
            .containsExactly(single.forward(whole, Hooks.none(), LogitsAt.LAST).toFloatArray(), within(1e-4f));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(value = DataType.class, names = {"FLOAT32", "FLOAT16", "BFLOAT16"})
  void otherTypesComputeAboutTheSame(DataType type) {
    TokenBatch batch = batch(new int[] {1, 5, 6}, new int[] {7, 8});
    double[] exact = lm.forward(batch, Hooks.none(), LogitsAt.LAST).toDoubleArray();
    try (CausalLm other = CausalLm.load(CheckpointFolder.open(folder, "tiny"), TestDevice.get(), type)) {
      NDArray logits = other.forward(batch, Hooks.none(), LogitsAt.LAST);
      assertThat(logits.getDataType()).isEqualTo(DataType.FLOAT32);
      float[] found = logits.toFloatArray();
      double tolerance = type == DataType.FLOAT32 ? 1e-4 : type == DataType.FLOAT16 ? 0.1 : 1;
      for (int i = 0; i < exact.length; i++) {
        assertThat((double) found[i]).isCloseTo(exact[i], within(tolerance));
      }
      int[] ids = new Generator(other, List.of()).generate(batch, 3, Hooks.none()).ids().get(0);
      assertThat(ids).hasSize(3);
    }
  }

  @Test
  void whatDoesNotFitIsNamed() {
    assertThatThrownBy(() -> lm.forward(batch(new int[] {1}, new int[] {2, 16}), Hooks.none(), LogitsAt.LAST))
        .hasMessageContaining("row 1")
        .hasMessageContaining("16");
    assertThatThrownBy(() -> lm.forward(batch(new int[65]), Hooks.none(), LogitsAt.LAST))
        .hasMessageContaining("65")
        .hasMessageContaining("64");
    assertThatThrownBy(() -> lm.prefix(batch(new int[] {1}), HookPoint.residuals(2), Hooks.none()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("residuals_2")
        .hasMessageContaining("0 to 1");
    Hooks wrong = Hooks.at(HookPoint.residuals(0), (x, at) -> x.sum());
    assertThatThrownBy(() -> lm.forward(batch(new int[] {1}), wrong, LogitsAt.LAST))
        .hasMessageContaining("residuals_0");
  }

  @Test
  void devicesAndTypesByName() {
    assertThat(Devices.name(Devices.parse("CPU"))).isEqualTo("cpu");
    assertThatThrownBy(() -> Devices.parse("tpu")).isInstanceOf(UserException.class).hasMessageContaining("tpu");
    assertThatThrownBy(() -> Devices.parse("cuda:99"))
        .isInstanceOf(UserException.class)
        .satisfies(e -> assertThat(((UserException) e).exitCode().code()).isEqualTo(69));
    assertThat(Devices.dataType("auto", Device.cpu(), "bfloat16")).isEqualTo(DataType.FLOAT32);
    assertThat(Devices.dataType("auto", Device.gpu(), "bfloat16")).isEqualTo(DataType.BFLOAT16);
    assertThatThrownBy(() -> Devices.dataType("int8", Device.cpu(), "")).hasMessageContaining("int8");
  }

  /** 1,000 batches with hooks, gradients and generation in turn: resident memory within 2 % after the warm-up. */
  @Test
  @Tag("slow")
  void memoryStaysFlat() {
    RefusalMetric metric = new RefusalMetric(new int[] {4});
    Random random = new Random(3);
    long warm = 0;
    for (int i = 0; i < 1500; i++) {
      int[] a = random.ints(40, 0, 16).toArray();
      int[] b = random.ints(30, 0, 16).toArray();
      try (Memory.Scope inner = Memory.scope()) {
        TokenBatch batch = batch(a, b);
        lm.forward(batch, Hooks.at(HookPoint.residuals(0), (x, at) -> x.add(0)), LogitsAt.ALL);
        new Generator(lm).generate(batch, 3, Hooks.none());
        Prefix prefix = lm.prefix(batch, HookPoint.mlp(0), Hooks.none());
        try (Autograd tape = Autograd.record()) {
          NDArray x = tape.watch(prefix.activation());
          tape.gradients(metric.apply(lm.suffix(prefix, x, Hooks.none(), LogitsAt.LAST)).sum(), List.of(x));
        }
      }
      if (i % 100 == 99) {
        System.gc();
      }
      if (i == 499) {
        warm = Memory.residentBytes().orElse(1);
      }
    }
    long after = Memory.residentBytes().orElse(1);
    assertThat((double) after / warm).as("resident memory after over before").isLessThan(1.02);
  }
}
