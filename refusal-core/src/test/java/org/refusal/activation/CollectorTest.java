package org.refusal.activation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.refusal.Goldens;
import org.refusal.base.ExitCode;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.data.PromptKey;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.TokenBatch;
import org.refusal.text.Positions;
import org.refusal.text.RenderedPrompt;
import org.refusal.torch.Memory;
import org.refusal.torch.TestDevice;

class CollectorTest {
  private static final String MODEL = "llama-mha-fp32";
  private static final List<HookPoint> POINTS = List.of(HookPoint.residuals(1), HookPoint.mlp(2));
  private static CausalLm lm;

  @BeforeAll
  static void load() {
    lm = CausalLm.load(
        CheckpointFolder.open(Goldens.folder("models").resolve(MODEL), MODEL), TestDevice.get(), DataType.FLOAT32);
  }

  @AfterAll
  static void close() {
    lm.close();
  }

  /** 40 prompts of 3 to 14 tokens: two before the user's text, one after it. */
  private static List<Collector.Input> inputs() {
    List<Collector.Input> inputs = new ArrayList<>();
    for (int p = 0; p < 40; p++) {
      int length = 4 + p * 7 % 11;
      int[] ids = new int[length];
      for (int t = 0; t < length; t++) {
        ids[t] = t == 0 ? 1 : 5 + (31 * p + 17 * t) % 400;
      }
      inputs.add(new Collector.Input(new PromptKey("toy", 1000 + p), new RenderedPrompt("", ids, 2, length - 1)));
    }
    return inputs;
  }

  private static Collector.Options options(Positions positions, int batchSize, boolean keepGoing) {
    return new Collector.Options(POINTS, positions, 3, batchSize, 0, keepGoing);
  }

  private static List<CapturedPrompt> collect(CausalLm model, Collector.Options options, List<PromptKey> done) {
    List<CapturedPrompt> results = new ArrayList<>();
    new Collector(model, options, Progress.none()).collect("toy", inputs(), done, results::add);
    return results;
  }

  private static float[] floats(ByteBuffer bytes) {
    float[] values = new float[bytes.remaining() / Float.BYTES];
    bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  @ParameterizedTest
  @EnumSource(Positions.class)
  void batchedEqualsAloneInDatasetOrder(Positions positions) {
    List<CapturedPrompt> alone = collect(lm, options(positions, 1, false), List.of());
    List<CapturedPrompt> batched = collect(lm, options(positions, 3, false), List.of());
    assertThat(batched).extracting(CapturedPrompt::key)
        .containsExactlyElementsOf(LongStream.range(1000, 1040).mapToObj(p -> new PromptKey("toy", p)).toList());
    for (int p = 0; p < alone.size(); p++) {
      CapturedPrompt one = alone.get(p);
      CapturedPrompt other = batched.get(p);
      assertThat(other.tokenIds()).isEqualTo(one.tokenIds());
      assertThat(other.positions()).isEqualTo(one.positions());
      assertThat(other.positionGroups()).isEqualTo(one.positionGroups());
      assertThat(other.generatedIds()).isEqualTo(one.generatedIds());
      assertThat(other.lastLogits()).containsExactly(one.lastLogits(), within(2e-4f));
      for (HookPoint at : POINTS) {
        assertThat(floats(other.activations().get(at)))
            .hasSize(one.tokenIds().length * lm.config().dModel())
            .containsExactly(floats(one.activations().get(at)), within(2e-4f));
      }
    }
  }

  @Test
  void generatedRowsAreThoseOfPromptAndAnswerRunTogether() {
    CapturedPrompt generated = collect(lm, options(Positions.GENERATED, 4, false), List.of()).get(7);
    RenderedPrompt prompt = inputs().get(7).prompt();
    int[] whole = Arrays.copyOf(prompt.ids(), prompt.length() + generated.generatedIds().length);
    System.arraycopy(
        generated.generatedIds(), 0, whole, prompt.length(), generated.generatedIds().length);
    List<CapturedPrompt> again = new ArrayList<>();
    new Collector(lm, options(Positions.PROMPT, 1, false), Progress.none())
        .collect(
            "toy",
            List.of(new Collector.Input(new PromptKey("toy", 0), new RenderedPrompt("", whole, 2, whole.length - 1))),
            List.of(),
            again::add);
    int d = lm.config().dModel();
    int kept = generated.positions().length;
    assertThat(kept).isPositive();
    assertThat(generated.positions()[0]).isEqualTo(prompt.length());
    assertThat(generated.positionGroups()).containsOnly(RenderedPrompt.GENERATED_GROUP);
    for (HookPoint at : POINTS) {
      float[] rows = floats(again.get(0).activations().get(at));
      assertThat(floats(generated.activations().get(at)))
          .containsExactly(
              Arrays.copyOfRange(rows, prompt.length() * d, (prompt.length() + kept) * d), within(2e-4f));
    }
  }

  @Test
  void goesOnWhereItStoppedWithTheSameBytes() {
    List<CapturedPrompt> whole = collect(lm, options(Positions.PROMPT, 2, false), List.of());
    List<PromptKey> done = LongStream.range(1000, 1021).mapToObj(p -> new PromptKey("toy", p)).toList();
    List<CapturedPrompt> rest = collect(lm, options(Positions.PROMPT, 2, false), done);
    assertThat(rest).hasSize(19);
    for (int p = 0; p < rest.size(); p++) {
      assertThat(rest.get(p)).usingRecursiveComparison().isEqualTo(whole.get(21 + p));
    }
  }

  /**
   * A thousand batches of all lengths, prefill, hooks and generation: resident memory, once the JVM has compiled what it
   * will and touched its heap, stays within 2 %.
   */
  @Test
  @Tag("slow")
  void memoryStaysFlatOverAThousandBatches() {
    assumeTrue(Memory.residentBytes().isPresent(), "the system does not tell the resident memory");
    List<Collector.Input> inputs = inputs();
    Collector collector = new Collector(lm, options(Positions.GENERATED, 4, false), Progress.none());
    int perRound = inputs.size() / 4;
    run(collector, inputs, 300 / perRound);
    double ratio = Double.POSITIVE_INFINITY;
    for (int window = 0; window < 3 && ratio >= 1.02; window++) { // a leak shows in each, a late compilation in one
      long before = resident();
      run(collector, inputs, 1000 / perRound);
      long after = resident();
      ratio = (double) after / before;
      System.out.printf(
          "CollectorTest: resident memory %.1f MiB before, %.1f MiB after 1,000 batches%n",
          before / 1048576.0, after / 1048576.0);
    }
    assertThat(ratio).as("resident memory after over before").isLessThan(1.02);
  }

  private static void run(Collector collector, List<Collector.Input> inputs, int rounds) {
    for (int round = 0; round < rounds; round++) {
      collector.collect("toy", inputs, List.of(), captured -> { });
    }
  }

  private static long resident() {
    System.gc();
    return Memory.residentBytes().orElseThrow();
  }

  /** A model that fails for some batches. */
  private static CausalLm failing(Predicate<TokenBatch> fails) {
    return failing(fails, () -> new EngineException("DefaultCPUAllocator: can't allocate memory\nmore"));
  }

  private static CausalLm failing(Predicate<TokenBatch> fails, Supplier<RuntimeException> failure) {
    return changed(
        (method, arguments) -> {
          if (method.equals("prefill") && fails.test((TokenBatch) arguments[0])) {
            throw failure.get();
          }
        },
        (method, arguments, result) -> result);
  }

  /** The model with something done before a method and something to what it returns. */
  private static CausalLm changed(BiConsumer<String, Object[]> before, Change after) {
    return (CausalLm)
        Proxy.newProxyInstance(
            CausalLm.class.getClassLoader(),
            new Class<?>[] {CausalLm.class},
            (proxy, method, arguments) -> {
              before.accept(method.getName(), arguments);
              try {
                return after.of(method.getName(), arguments, method.invoke(lm, arguments));
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private interface Change {
    Object of(String method, Object[] arguments, Object result);
  }

  /** The logits with one of them replaced. */
  private static NDArray with(NDArray logits, int row, int token, float value) {
    float[] values = logits.toFloatArray();
    long[] shape = logits.getShape().getShape();
    values[Math.toIntExact(row * shape[1] + token)] = value;
    return logits.getManager().create(values, logits.getShape());
  }

  /** One prompt's last logits hold a value that is no number, or too large for the type. */
  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void promptWithALogitThatIsNotFiniteIsNamedOrRecorded(float value) {
    int[] bad = inputs().get(13).prompt().ids();
    CausalLm model =
        changed(
            (method, arguments) -> { },
            (method, arguments, result) -> {
              if (!method.equals("prefill")) {
                return result;
              }
              List<int[]> rows = ((TokenBatch) arguments[0]).rows();
              int row = IntStream.range(0, rows.size()).filter(i -> Arrays.equals(rows.get(i), bad)).findFirst().orElse(-1);
              CausalLm.Prefill prefill = (CausalLm.Prefill) result;
              return row < 0 ? prefill : new CausalLm.Prefill(with(prefill.logits(), row, 77, value), prefill.cache());
            });
    String reason = "the logit of token 77 at the last prompt position is " + value;
    assertThatThrownBy(() -> collect(model, options(Positions.PROMPT, 4, false), List.of()))
        .isInstanceOfSatisfying(
            UserException.class,
            failure -> {
              assertThat(failure.exitCode()).isEqualTo(ExitCode.BAD_DATA);
              assertThat(failure.advice().orElseThrow()).contains("bfloat16 or float32", "--keep-going");
            })
        .hasMessage("prompt toy/1013 (%d tokens) cannot be run: %s".formatted(bad.length, reason));
    List<CapturedPrompt> results = new ArrayList<>();
    List<MissingPrompt> missing =
        new Collector(model, options(Positions.PROMPT, 4, true), Progress.none())
            .collect("toy", inputs(), List.of(), results::add);
    assertThat(missing).containsExactly(new MissingPrompt(new PromptKey("toy", 1013), reason));
    assertThat(results).hasSize(39).extracting(CapturedPrompt::key).isSorted().doesNotContain(new PromptKey("toy", 1013));
  }

  @Test
  void aLogitThatIsNotFiniteWhileGeneratingFailsThePromptsToo() {
    CausalLm model =
        changed(
            (method, arguments) -> { },
            (method, arguments, result) -> method.equals("step") ? with((NDArray) result, 0, 5, Float.NaN) : result);
    assertThatThrownBy(() -> collect(model, options(Positions.PROMPT, 4, false), List.of()))
        .isInstanceOf(UserException.class)
        .hasMessageEndingWith("cannot be run: the logit of token 5 after a generated token is NaN");
  }

  @Test
  void aDefectStaysADefectUnderKeepGoing() {
    CausalLm model = failing(batch -> true, () -> new NullPointerException("ours"));
    assertThatThrownBy(() -> collect(model, options(Positions.PROMPT, 4, true), List.of()))
        .isInstanceOf(NullPointerException.class);
    CausalLm unknown = failing(batch -> true, () -> new EngineException("shape mismatch"));
    assertThatThrownBy(() -> collect(unknown, options(Positions.PROMPT, 4, true), List.of()))
        .isInstanceOf(EngineException.class);
    CausalLm machine = failing(batch -> true, () -> UserException.environment("the device is gone", "restart"));
    assertThatThrownBy(() -> collect(machine, options(Positions.PROMPT, 4, true), List.of()))
        .isInstanceOf(UserException.class)
        .hasMessage("the device is gone");
  }

  @Test
  void batchThatDoesNotFitIsRunInHalves() {
    List<CapturedPrompt> expected = collect(lm, options(Positions.PROMPT, 2, false), List.of());
    List<CapturedPrompt> found =
        collect(failing(batch -> batch.size() > 2), options(Positions.PROMPT, 8, false), List.of());
    assertThat(found).extracting(CapturedPrompt::key)
        .containsExactlyElementsOf(expected.stream().map(CapturedPrompt::key).toList());
  }

  @Test
  void promptThatCannotBeRunIsNamedOrRecorded() {
    int[] bad = inputs().get(13).prompt().ids();
    CausalLm model = failing(batch -> batch.rows().stream().anyMatch(row -> Arrays.equals(row, bad)));
    assertThatThrownBy(() -> collect(model, options(Positions.PROMPT, 4, false), List.of()))
        .isInstanceOf(UserException.class)
        .hasMessage(
            "prompt toy/1013 (%d tokens) cannot be run: DefaultCPUAllocator: can't allocate memory"
                .formatted(bad.length));
    List<CapturedPrompt> results = new ArrayList<>();
    List<MissingPrompt> missing =
        new Collector(model, options(Positions.PROMPT, 4, true), Progress.none())
            .collect("toy", inputs(), List.of(), results::add);
    assertThat(missing)
        .containsExactly(new MissingPrompt(new PromptKey("toy", 1013), "DefaultCPUAllocator: can't allocate memory"));
    assertThat(results).hasSize(39).extracting(CapturedPrompt::key).isSorted().doesNotContain(new PromptKey("toy", 1013));
  }
}
