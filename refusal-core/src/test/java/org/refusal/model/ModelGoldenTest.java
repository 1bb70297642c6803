package org.refusal.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.refusal.Goldens;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.torch.Autograd;
import org.refusal.torch.Memory;
import org.refusal.torch.TestDevice;
import org.refusal.torch.TorchOps;

/**
 * Every model among the goldens against transformers: sizes, prompts, names and tolerances are the files'. Read are the
 * folder of the goldens itself and, where it has one, its folder {@code families}, which is laid out alike.
 */
class ModelGoldenTest {

  /** @param set holds {@code models} and {@code expected} */
  private record Golden(Path set, String name) {
    Path model() {
      return set.resolve("models").resolve(name);
    }

    Path expected(String suffix) {
      return set.resolve("expected").resolve(name + suffix);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Golden> models() throws IOException {
    List<Golden> models = new ArrayList<>(models(Goldens.root()));
    models.addAll(models(Goldens.root().resolve("families")));
    return models.stream();
  }

  private static List<Golden> models(Path set) throws IOException {
    if (!Files.isDirectory(set.resolve("expected"))) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(set.resolve("expected"))) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".safetensors"))
          .map(name -> new Golden(set, name.substring(0, name.length() - ".safetensors".length())))
          .filter(golden -> Files.isDirectory(golden.model()))
          .sorted(Comparator.comparing(Golden::name))
          .toList();
    }
  }

  @Test
  void thereAreModels() throws IOException {
    assertThat(models()).as("models below " + Goldens.root()).isNotEmpty();
  }

  @ParameterizedTest
  @MethodSource("models")
  void agreesWithTransformers(Golden golden) {
    CheckpointFolder checkpoint = CheckpointFolder.open(golden.model(), golden.name());
    JsonNode json = Json.read(golden.expected(".json"));
    try (Memory.Scope scope = Memory.scope();
        Safetensors tensors = Safetensors.open(golden.expected(".safetensors"));
        CausalLm lm = CausalLm.load(checkpoint, TestDevice.get(), DataType.FLOAT32);
        CausalLm exact = CausalLm.load(checkpoint, TestDevice.get(), DataType.FLOAT64)) {
      Case test = new Case(json, tensors, lm, exact);
      assertThat(lm.config().layers()).isEqualTo(json.path("layers").asInt());
      assertThat(lm.config().dModel()).isEqualTo(json.path("hidden").asInt());
      assertThat(lm.config().headDim()).isEqualTo(json.path("head_dim").asInt());
      assertThat(lm.config().vocabSize()).isEqualTo(json.path("vocab").asInt());
      test.alone();
      test.batched();
      test.interventions();
      test.generation();
      test.metricAndGradients();
      test.prefixAndSuffix();
      test.probabilities();
      StringBuilder line = new StringBuilder("ModelGoldenTest " + golden.name() + ": largest deviation");
      test.deviations.forEach((group, d) -> line.append(" %s %.1e (%.1e)".formatted(group, d[0], d[1])));
      System.out.println(line + " absolute (relative to the largest)");
    }
  }

  private static final class Case {
    private final JsonNode json;
    private final Safetensors tensors;
    private final CausalLm lm;
    private final CausalLm exact;
    private final List<int[]> prompts = new ArrayList<>();
    private final int pad;
    private final Map<String, double[]> deviations = new TreeMap<>();

    private Case(JsonNode json, Safetensors tensors, CausalLm lm, CausalLm exact) {
      this.json = json;
      this.tensors = tensors;
      this.lm = lm;
      this.exact = exact;
      this.pad = json.path("batch").path("pad_token_id").asInt();
      json.path("prompts").forEach(prompt -> prompts.add(ints(prompt.path("ids"))));
      assertThat(prompts).isNotEmpty();
    }

    void alone() {
      for (int i = 0; i < prompts.size(); i++) {
        Map<HookPoint, NDArray> seen = new HashMap<>();
        Map<HookPoint, Hook> hooks = new HashMap<>();
        for (String tensor : tensors.entries().keySet()) {
          if (tensor.matches("p" + i + "\\.(residuals|mlp|attention)_\\d+")) {
            hooks.put(
                HookPoint.parse(tensor.substring(tensor.indexOf('.') + 1)),
                (x, at) -> {
                  seen.put(at, x);
                  return x;
                });
          }
        }
        assertThat(hooks).isNotEmpty();
        NDArray last = lm.forward(one(i), new Hooks(hooks), LogitsAt.LAST);
        compare("logits", "p" + i + ".logits_last", doubles(last));
        compare("logits", "p" + i + ".logits_last", doubles(lm.forward(one(i), Hooks.none(), LogitsAt.LAST)));
        assertThat(seen.keySet()).isEqualTo(hooks.keySet());
        for (Map.Entry<HookPoint, NDArray> entry : seen.entrySet()) {
          String point = entry.getKey().name();
          compare(point.replaceAll("_\\d+", ""), "p" + i + "." + point, doubles(entry.getValue()));
        }
        betweenAttentionAndMlp(i);
        if (tensors.has("p" + i + ".logits_all")) {
          compare("logits", "p" + i + ".logits_all", doubles(lm.forward(one(i), Hooks.none(), LogitsAt.ALL)));
        }
      }
    }

    /** transformers shows no such tensor: it is what the layer read plus its attention's output. */
    private void betweenAttentionAndMlp(int prompt) {
      for (int layer = 1; layer < lm.config().layers(); layer++) {
        String residuals = "p" + prompt + "." + HookPoint.residuals(layer - 1).name();
        String attention = "p" + prompt + "." + HookPoint.attention(layer).name();
        if (tensors.has(residuals) && tensors.has(attention)) {
          double[] mid = doubles(lm.prefix(one(prompt), HookPoint.residualsMid(layer), Hooks.none()).activation());
          float[] before = tensors.floats(residuals);
          float[] added = tensors.floats(attention);
          double largest = 0;
          for (int k = 0; k < mid.length; k++) {
            largest = Math.max(largest, Math.abs(before[k] + (double) added[k]));
          }
          for (int k = 0; k < mid.length; k++) {
            assertThat(mid[k]).isCloseTo(before[k] + (double) added[k], within(1e-4 * Math.max(1, largest)));
          }
        }
      }
    }

    void batched() {
      TokenBatch batch = new TokenBatch(prompts, pad);
      JsonNode ids = json.path("batch").path("input_ids");
      for (int row = 0; row < batch.size(); row++) {
        int[] padded = ints(ids.path(row));
        assertThat(padded).hasSize(batch.width());
        assertThat(Arrays.copyOfRange(padded, batch.padding(row), padded.length)).isEqualTo(batch.rows().get(row));
      }
      compare("logits", "batch.logits_last", doubles(lm.forward(batch, Hooks.none(), LogitsAt.LAST)));
      NDArray all = lm.forward(batch, Hooks.none(), LogitsAt.ALL);
      for (int row = 0; row < batch.size(); row++) {
        String tensor = "batch.p" + row + ".logits_all";
        if (tensors.has(tensor)) {
          compare("logits", tensor, doubles(all.get(new NDIndex("{},{}:", row, batch.padding(row)))));
        }
      }
    }

    void interventions() {
      for (JsonNode intervention : json.path("interventions")) {
        for (int i = 0; i < prompts.size(); i++) {
          NDArray logits = lm.forward(one(i), hooks(intervention), LogitsAt.LAST);
          compare(
              "intervention_logits", "p" + i + "." + intervention.path("name").asText() + ".logits_last", doubles(logits));
        }
      }
    }

    void generation() {
      JsonNode generation = json.path("generation");
      int steps = generation.path("max_new_tokens").asInt();
      Generator generator = new Generator(lm, List.of());
      for (int i = 0; i < prompts.size(); i++) {
        assertThat(generator.generate(one(i), steps, Hooks.none()).ids().get(0))
            .as("greedy ids of prompt " + i)
            .isEqualTo(ints(generation.path("alone").path(i)));
      }
      Generation batched = generator.generate(new TokenBatch(prompts, pad), steps, Hooks.none());
      for (int i = 0; i < prompts.size(); i++) {
        assertThat(batched.ids().get(i))
            .as("greedy ids of prompt " + i + " in the batch")
            .isEqualTo(ints(generation.path("batched_left_padded").path(i)));
        assertThat(batched.ended()[i]).isFalse();
      }
      for (JsonNode intervention : json.path("interventions")) {
        JsonNode expected = generation.path("under_intervention_alone").path(intervention.path("name").asText());
        for (int i = 0; i < expected.size(); i++) {
          assertThat(generator.generate(one(i), steps, hooks(intervention)).ids().get(0))
              .as("greedy ids of prompt " + i + " under " + intervention.path("name").asText())
              .isEqualTo(ints(expected.path(i)));
        }
      }
    }

    void metricAndGradients() {
      RefusalMetric metric = new RefusalMetric(ints(json.path("metric").path("R")));
      double[] expected = numbers(json.path("metric").path("values_float64"));
      NDArray values = metric.apply(lm.forward(new TokenBatch(prompts, pad), Hooks.none(), LogitsAt.LAST));
      compare("metric", expected, doubles(values));
      for (int i = 0; i < prompts.size(); i++) {
        Map<HookPoint, NDArray> seen = new TreeMap<>();
        try (Autograd tape = Autograd.record()) {
          Map<HookPoint, Hook> hooks = new HashMap<>();
          for (int layer = 0; layer < lm.config().layers(); layer++) {
            if (tensors.has("p" + i + ".grad_residuals_" + layer)) {
              hooks.put(
                  HookPoint.residuals(layer),
                  (x, at) -> {
                    NDArray node = seen.isEmpty() ? tape.watch(x) : x;
                    seen.put(at, node);
                    return node;
                  });
            }
          }
          NDArray m = metric.apply(exact.forward(one(i), new Hooks(hooks), LogitsAt.LAST));
          compare("metric", new double[] {expected[i]}, doubles(m));
          List<NDArray> gradients = tape.gradients(m.sum(), List.copyOf(seen.values()));
          int index = 0;
          for (HookPoint at : seen.keySet()) {
            compare("gradient", "p" + i + ".grad_" + at.name(), doubles(gradients.get(index++)));
          }
        }
      }
    }

    void prefixAndSuffix() {
      TokenBatch batch = new TokenBatch(prompts, pad);
      for (int layer = 0; layer < lm.config().layers(); layer++) {
        for (HookPoint.Site site : HookPoint.Site.values()) {
          HookPoint at = new HookPoint(layer, site);
          try (Prefix prefix = lm.prefix(batch, at, Hooks.none())) {
            compare(
                "logits",
                "batch.logits_last",
                doubles(lm.suffix(prefix, prefix.activation(), Hooks.none(), LogitsAt.LAST)));
          }
        }
      }
      for (JsonNode intervention : json.path("interventions")) {
        HookPoint first = HookPoint.parseAll(List.of(intervention.path("hook").asText())).get(0);
        for (int i = 0; i < prompts.size(); i++) {
          Hooks hooks = hooks(intervention);
          Prefix prefix = lm.prefix(one(i), first, Hooks.none());
          NDArray changed = hooks.find(first).orElseThrow().apply(prefix.activation(), first);
          compare(
              "intervention_logits",
              "p" + i + "." + intervention.path("name").asText() + ".logits_last",
              doubles(lm.suffix(prefix, changed, hooks, LogitsAt.LAST)));
        }
      }
    }

    void probabilities() {
      List<int[]> starts = new ArrayList<>();
      List<int[]> continuations = new ArrayList<>();
      json.path("teacher_forcing")
          .forEach(
              node -> {
                starts.add(prompts.get(node.path("prompt").asInt()));
                continuations.add(ints(node.path("continuation_ids")));
              });
      List<double[]> found = TokenProbabilities.ofContinuations(lm, starts, continuations, pad, Hooks.none());
      for (int i = 0; i < found.size(); i++) {
        int prompt = json.path("teacher_forcing").path(i).path("prompt").asInt();
        compare("logprobs", "p" + prompt + ".continuation_logprobs", found.get(i));
      }
      compare(
          "cross_entropy",
          numbers(json.path("cross_entropy").path("values")),
          TokenProbabilities.crossEntropy(lm, new TokenBatch(prompts, pad), Hooks.none()));
    }

    private Hooks hooks(JsonNode intervention) {
      NDArray vector =
          intervention.has("vector")
              ? lm.manager().create(tensors.floats(intervention.path("vector").asText()))
              : null;
      Hook hook =
          switch (intervention.path("operation").asText()) {
            case "add" -> (x, at) -> x.add(vector);
            case "replace_by_zeros" -> (x, at) -> x.zerosLike();
            case "x - (x.d) d" -> (x, at) -> x.sub(x.mul(vector).sum(new int[] {-1}, true).mul(vector));
            case "replace" -> (x, at) -> {
              if (intervention.path("positions").asText().equals("all")) {
                return x.zerosLike().add(vector);
              }
              long width = x.getShape().get(1);
              return width == 1
                  ? x.zerosLike().add(vector)
                  : x.get(new NDIndex(":,:{}", width - 1))
                      .concat(x.get(new NDIndex(":,{}:", width - 1)).zerosLike().add(vector), 1);
            };
            default -> throw new IllegalStateException("operation " + intervention.path("operation"));
          };
      Map<HookPoint, Hook> hooks = new HashMap<>();
      for (HookPoint at : HookPoint.parseAll(List.of(intervention.path("hook").asText()))) {
        hooks.put(at, hook);
      }
      return new Hooks(hooks);
    }

    private TokenBatch one(int prompt) {
      return new TokenBatch(List.of(prompts.get(prompt)), pad);
    }

    private void compare(String group, String tensor, double[] actual) {
      double[] expected = tensors.doubles(tensor);
      compareNamed(group, tensor, expected, actual);
    }

    private void compare(String group, double[] expected, double[] actual) {
      compareNamed(group, group, expected, actual);
    }

    private void compareNamed(String group, String name, double[] expected, double[] actual) {
      assertThat(actual).as(name).hasSameSizeAs(expected);
      double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
      double deviation = 0;
      for (int i = 0; i < expected.length; i++) {
        double difference = Math.abs(actual[i] - expected[i]);
        assertThat(difference).as("%s element %d", name, i).isNotNaN();
        deviation = Math.max(deviation, difference);
      }
      double[] sofar = deviations.computeIfAbsent(group, g -> new double[2]);
      sofar[0] = Math.max(sofar[0], deviation);
      sofar[1] = Math.max(sofar[1], deviation / largest);
      JsonNode tolerance = json.path("tolerances").path(group);
      assertThat(deviation).as("%s: deviation", name).isLessThanOrEqualTo(tolerance.path("max_abs").asDouble());
      assertThat(deviation / largest)
          .as("%s: deviation relative to the largest", name)
          .isLessThanOrEqualTo(tolerance.path("max_rel_to_tensor_max").asDouble());
    }

    private static double[] doubles(NDArray x) {
      return TorchOps.cast(x, DataType.FLOAT64).toDoubleArray();
    }

    private static int[] ints(JsonNode list) {
      int[] values = new int[list.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = list.get(i).intValue();
      }
      return values;
    }

    private static double[] numbers(JsonNode list) {
      double[] values = new double[list.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = list.get(i).doubleValue();
      }
      return values;
    }
  }
}
