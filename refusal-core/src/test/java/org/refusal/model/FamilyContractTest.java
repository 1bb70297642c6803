package org.refusal.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.refusal.Goldens;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.io.Safetensors.Tensor;
import org.refusal.torch.Autograd;
import org.refusal.torch.Memory;
import org.refusal.torch.TestDevice;

/** What every family must satisfy, on the models of {@link TinyFamily}; {@code -Dtest.seed} draws other weights. */
class FamilyContractTest {
  private static final long SEED = Long.getLong("test.seed", 1);
  private static final int[] FIRST = {1, 5, 6, 9, 3, 12};
  private static final int[] SECOND = {7, 8, 2, 11};

  @TempDir Path folder;
  private Memory.Scope scope;

  static Stream<Arguments> families() {
    return Families.all().stream().map(family -> Arguments.of(family.modelType(), family));
  }

  @BeforeEach
  void open() {
    scope = Memory.scope();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private CausalLm load(DataType type) {
    return CausalLm.load(CheckpointFolder.open(folder, "tiny"), TestDevice.get(), type);
  }

  private CausalLm write(Family family) {
    TinyFamily.write(folder, TinyFamily.config(family), SEED);
    return load(DataType.FLOAT64);
  }

  private static TokenBatch batch(int[]... rows) {
    return new TokenBatch(List.of(rows), 0);
  }

  private static Map<HookPoint, NDArray> seen(CausalLm lm, TokenBatch batch) {
    Map<HookPoint, NDArray> seen = new HashMap<>();
    Map<HookPoint, Hook> hooks = new HashMap<>();
    for (int layer = 0; layer < lm.config().layers(); layer++) {
      for (HookPoint.Site site : HookPoint.Site.values()) {
        hooks.put(
            new HookPoint(layer, site),
            (x, at) -> {
              seen.put(at, x);
              return x;
            });
      }
    }
    lm.forward(batch, new Hooks(hooks), LogitsAt.LAST);
    return seen;
  }

  private static double[] flat(double[][] rows) {
    return Stream.of(rows).flatMapToDouble(Arrays::stream).toArray();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void computesWhatPlainLoopsCompute(String type, Family family) {
    Map<String, Tensor> tensors = TinyFamily.write(folder, TinyFamily.config(family), SEED);
    PlainDecoder plain = new PlainDecoder(Json.read(folder.resolve("config.json")), tensors, FIRST);
    try (CausalLm lm = load(DataType.FLOAT64)) {
      assertThat(lm.forward(batch(FIRST), Hooks.none(), LogitsAt.ALL).toDoubleArray())
          .as("logits, seed %d", SEED)
          .containsExactly(flat(plain.logits), within(1e-6));
      assertThat(lm.forward(batch(FIRST), Hooks.none(), LogitsAt.LAST).toDoubleArray())
          .as("logits of the last position alone, seed %d", SEED)
          .containsExactly(plain.logits[FIRST.length - 1], within(1e-6));
      Map<HookPoint, NDArray> seen = seen(lm, batch(FIRST));
      for (int layer = 0; layer < lm.config().layers(); layer++) {
        assertThat(seen.get(HookPoint.residuals(layer)).toDoubleArray())
            .as("residuals_%d, seed %d", layer, SEED)
            .containsExactly(flat(plain.residuals.get(layer)), within(1e-6));
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void embeddingPlusAttentionsPlusMlpsIsTheLastResidual(String type, Family family) {
    Map<String, Tensor> tensors = TinyFamily.write(folder, TinyFamily.config(family), SEED);
    PlainDecoder plain = new PlainDecoder(Json.read(folder.resolve("config.json")), tensors, FIRST);
    try (CausalLm lm = load(DataType.FLOAT64)) {
      Map<HookPoint, NDArray> seen = seen(lm, batch(FIRST));
      double[] sum = flat(plain.embedded);
      for (int layer = 0; layer < lm.config().layers(); layer++) {
        double[] attention = seen.get(HookPoint.attention(layer)).toDoubleArray();
        double[] mlp = seen.get(HookPoint.mlp(layer)).toDoubleArray();
        for (int i = 0; i < sum.length; i++) {
          sum[i] += attention[i] + mlp[i];
        }
        assertThat(seen.get(HookPoint.residuals(layer)).toDoubleArray()).containsExactly(sum, within(1e-6));
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void paddingOnTheLeftChangesNothing(String type, Family family) {
    try (CausalLm lm = write(family)) {
      TokenBatch both = batch(FIRST, SECOND);
      NDArray together = lm.forward(both, Hooks.none(), LogitsAt.ALL);
      assertThat(together.get(1).get(new NDIndex("{}:", both.padding(1))).toDoubleArray())
          .containsExactly(lm.forward(batch(SECOND), Hooks.none(), LogitsAt.ALL).toDoubleArray(), within(1e-10));
      assertThat(together.get(0).toDoubleArray())
          .containsExactly(lm.forward(batch(FIRST), Hooks.none(), LogitsAt.ALL).toDoubleArray(), within(1e-10));
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void prefixAndRestAreTheWhole(String type, Family family) {
    try (CausalLm lm = write(family)) {
      TokenBatch both = batch(FIRST, SECOND);
      double[] whole = lm.forward(both, Hooks.none(), LogitsAt.LAST).toDoubleArray();
      for (int layer = 0; layer < lm.config().layers(); layer++) {
        for (HookPoint.Site site : HookPoint.Site.values()) {
          HookPoint at = new HookPoint(layer, site);
          Prefix prefix = lm.prefix(both, at, Hooks.none());
          assertThat(lm.suffix(prefix, prefix.activation(), Hooks.none(), LogitsAt.LAST).toDoubleArray())
              .as("from %s", at).containsExactly(whole, within(1e-10));
          Prefix shared = lm.share(prefix, 3);
          try (KvCache past = shared.past()) {
            assertThat(lm.suffix(shared, shared.activation(), Hooks.none(), LogitsAt.LAST).toDoubleArray())
                .as("from %s, the first columns shared", at).containsExactly(whole, within(1e-10));
          }
        }
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void gradientsAreFiniteDifferences(String type, Family family) {
    try (CausalLm lm = write(family)) {
      RefusalMetric metric = new RefusalMetric(new int[] {4, 9});
      for (HookPoint at : List.of(HookPoint.residuals(0), HookPoint.attention(1), HookPoint.mlp(2))) {
        Prefix prefix = lm.prefix(batch(FIRST), at, Hooks.none());
        try (Autograd tape = Autograd.record()) {
          NDArray x = tape.watch(prefix.activation());
          NDArray m = metric.apply(lm.suffix(prefix, x, Hooks.none(), LogitsAt.LAST)).sum();
          double[] gradient = tape.gradients(m, List.of(x)).get(0).toDoubleArray();
          double[] values = x.toDoubleArray();
          int component = values.length - 5; // of the last position
          double h = 1e-5;
          double[] sides = new double[2];
          for (int side = 0; side < 2; side++) {
            double[] moved = values.clone();
            moved[component] += side == 0 ? -h : h;
            NDArray other = lm.manager().create(moved, x.getShape());
            sides[side] = metric.apply(lm.suffix(prefix, other, Hooks.none(), LogitsAt.LAST)).toDoubleArray()[0];
          }
          assertThat(gradient[component])
              .as("at %s, seed %d", at, SEED)
              .isCloseTo((sides[1] - sides[0]) / (2 * h), within(1e-6));
        }
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void stepsOfGenerationAreTheWholeText(String type, Family family) {
    try (CausalLm lm = write(family); CausalLm single = load(DataType.FLOAT32)) {
      TokenBatch both = batch(new int[] {1, 5, 6, 9, 3, 12}, new int[] {1, 5, 6, 4});
      TokenBatch longer = batch(new int[] {1, 5, 6, 9, 3, 12, 2, 8}, new int[] {1, 5, 6, 4, 13, 7});
      double[] whole = lm.forward(longer, Hooks.none(), LogitsAt.LAST).toDoubleArray();
      for (int shared : new int[] {0, 3}) {
        CausalLm.Prefill prefill = lm.prefill(both, shared, 2, Hooks.none(), Hooks.none());
        assertThat(prefill.logits().toDoubleArray())
            .containsExactly(lm.forward(both, Hooks.none(), LogitsAt.LAST).toDoubleArray(), within(1e-10));
        try (KvCache cache = prefill.cache()) {
          lm.step(cache, new int[] {2, 13}, Hooks.none());
          assertThat(lm.step(cache, new int[] {8, 7}, Hooks.none()).toDoubleArray())
              .as("%d tokens shared", shared).containsExactly(whole, within(1e-10));
        }
      }
      CausalLm.Prefill packed = single.prefill(both, 2, Hooks.none());
      try (KvCache cache = packed.cache()) {
        single.step(cache, new int[] {2, 13}, Hooks.none());
        float[] stepped = single.step(cache, new int[] {8, 7}, Hooks.none()).toFloatArray();
        for (int i = 0; i < whole.length; i++) {
          assertThat((double) stepped[i]).as("in float32, logit %d", i).isCloseTo(whole[i], within(1e-3));
        }
      }
    }
  }

  /** Rounding is that of 8 and 11 bits; a part computed in the wrong type would be an error or far off. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void halfTypesComputeAboutTheSame(String type, Family family) {
    try (CausalLm lm = write(family)) {
      double[] exact = lm.forward(batch(FIRST), Hooks.none(), LogitsAt.ALL).toDoubleArray();
      double largest = Arrays.stream(exact).map(Math::abs).max().orElseThrow();
      for (DataType half : List.of(DataType.BFLOAT16, DataType.FLOAT16)) {
        double most = half == DataType.BFLOAT16 ? .15 : .03;
        try (CausalLm other = load(half)) {
          NDArray logits = other.forward(batch(FIRST), Hooks.none(), LogitsAt.ALL);
          assertThat(logits.getDataType()).isEqualTo(DataType.FLOAT32);
          float[] found = logits.toFloatArray();
          double squares = 0;
          for (int i = 0; i < exact.length; i++) {
            squares += Math.pow((found[i] - exact[i]) / largest, 2) / exact.length;
          }
          assertThat(Math.sqrt(squares)).as("%s %s, seed %d", type, half, SEED).isLessThan(most);
        }
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void transformers5WritesTheSameModelOtherwise(String type, Family family) {
    Map<String, Object> old = TinyFamily.config(family);
    Json.write(folder.resolve("config.json"), old);
    ModelConfig expected = ModelConfig.read(folder, "tiny");
    Map<String, Object> recent = new LinkedHashMap<>(old);
    recent.put("dtype", recent.remove("torch_dtype"));
    Map<String, Object> rope = new LinkedHashMap<>(Map.of("rope_type", "default"));
    Object scaling = recent.remove("rope_scaling");
    if (scaling != null) {
      ((Map<?, ?>) scaling).forEach((key, value) -> rope.put(key.equals("type") ? "rope_type" : key.toString(), value));
    }
    rope.put("rope_theta", recent.remove("rope_theta"));
    if (recent.containsKey("partial_rotary_factor")) {
      rope.put("partial_rotary_factor", recent.remove("partial_rotary_factor"));
    }
    if (recent.containsKey("rope_local_base_freq")) {
      recent.put(
          "rope_parameters",
          Map.of(
              "full_attention", rope,
              "sliding_attention",
                  Map.of("rope_type", "default", "rope_theta", recent.remove("rope_local_base_freq"))));
      recent.remove("sliding_window_pattern");
    } else {
      recent.put("rope_parameters", rope);
    }
    if (expected.slidingWindows().stream().anyMatch(window -> window > 0)) {
      recent.put(
          "layer_types",
          expected.slidingWindows().stream().map(window -> window > 0 ? "sliding_attention" : "full_attention").toList());
    }
    Json.write(folder.resolve("config.json"), recent);
    assertThat(ModelConfig.read(folder, "tiny")).isEqualTo(expected);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void everyKeyOfItsOwnHasAnEffect(String type, Family family) {
    Map<String, Object> config = TinyFamily.config(family);
    Json.write(folder.resolve("config.json"), config);
    ModelConfig plain = ModelConfig.read(folder, "tiny");
    for (String key : family.ownKeys()) {
      Object other = TinyFamily.changed(key);
      assertThat(other).as("TinyFamily has no other value of %s", key).isNotNull();
      Map<String, Object> changed = new LinkedHashMap<>(config);
      changed.put(key, other);
      Json.write(folder.resolve("config.json"), changed);
      try {
        assertThat(ModelConfig.read(folder, "tiny")).as("%s %s", key, other).isNotEqualTo(plain);
      } catch (UserException e) {
        assertThat(e.getMessage()).as("%s %s", key, other).contains("config.json");
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("families")
  void anotherActivationAndAKeyOfOtherModelsAreRefused(String type, Family family) {
    for (Map.Entry<String, Object> odd :
        Map.<String, Object>of("hidden_act", "relu", "num_local_experts", 8, "use_bidirectional_attention", true)
            .entrySet()) {
      Map<String, Object> config = TinyFamily.config(family);
      config.put(odd.getKey(), odd.getValue());
      Json.write(folder.resolve("config.json"), config);
      assertThatThrownBy(() -> ModelConfig.read(folder, "tiny"))
          .isInstanceOf(UserException.class)
          .hasMessageContainingAll("config.json", odd.getKey(), odd.getValue().toString());
    }
  }

  @Test
  void twoFamiliesForOneModelTypeAreRefused() {
    assertThatThrownBy(() -> Families.distinct(List.of(new LlamaFamily(), new GemmaFamily(), new LlamaFamily())))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageMatching("two families have the (name Llama|model_type llama|class LlamaForCausalLM)");
  }

  @Test
  void everyFamilyHasATinyModelAndEveryTinyModelAFamily() {
    assertThat(Families.all().stream().filter(family -> !TinyFamily.isThere(family)).map(Family::modelType))
        .as("families that TinyFamily.SPECIAL forgot").isEmpty();
    assertThat(TinyFamily.count()).as("models of TinyFamily.SPECIAL without a family").isEqualTo(Families.all().size());
  }

  /** The first column of the table in docs/models.md names a family, the second its model_type. */
  @Test
  void theTableInTheDocumentationHasTheFamiliesThatThereAre() throws IOException {
    Set<String> documented = new TreeSet<>();
    Matcher rows =
        Pattern.compile("(?m)^\\| ([^|]+) \\| `(\\w+)` \\|").matcher(Files.readString(Path.of("../docs/models.md")));
    while (rows.find()) {
      documented.add(rows.group(1).strip() + ", " + rows.group(2));
    }
    assertThat(documented)
        .as("rows of the table in docs/models.md")
        .isEqualTo(
            Families.all().stream()
                .map(family -> family.name() + ", " + family.modelType())
                .collect(Collectors.toCollection(TreeSet::new)));
  }

  @Test
  void everyFamilyHasAGolden() throws IOException {
    List<Path> sets = new ArrayList<>();
    for (Path root : List.of(Goldens.root(), Path.of("../../shared/goldens"))) {
      sets.add(root.resolve("models"));
      sets.add(root.resolve("families/models"));
    }
    assumeTrue(
        sets.stream().anyMatch(set -> set.toString().contains("families") && Files.isDirectory(set)),
        "neither -Drefusal.goldens nor ../shared/goldens has a folder families: goldens of all families are not here");
    Set<String> tested = new TreeSet<>();
    for (Path set : sets) {
      if (Files.isDirectory(set)) {
        try (Stream<Path> models = Files.list(set)) {
          for (Path model : models.toList()) {
            JsonNode config = Json.read(model.resolve("config.json"));
            tested.add(config.path("model_type").asText());
          }
        }
      }
    }
    assertThat(tested)
        .as("model_type of the golden models")
        .containsAll(Families.all().stream().map(Family::modelType).toList());
  }
}
