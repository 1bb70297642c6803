package org.refusal.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.Goldens;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.torch.Memory;
import org.refusal.torch.TestDevice;

/**
 * The real refusing model (the folder that holds it in {@code REFUSAL_SMOLLM2}) against transformers in float32: greedy
 * ids equal but where the two largest logits were closer than 1e-3, residuals within 2e-4 of the tensor's largest.
 * {@code -Drefusal.smollm2.prompts=N} takes N of the prompts, evenly spread.
 */
@Tag("slow")
class SmolLm2GoldenTest {
  /** All prompts in batches as collect forms them, and fewer in smaller, odd and larger ones. */
  @ParameterizedTest
  @CsvSource({"16, 100000", "1, 12", "7, 24", "40, 40"})
  void agreesWithTransformersWhateverTheBatchSize(int batchSize, int most) {
    String root = System.getenv().getOrDefault("REFUSAL_SMOLLM2", "");
    assumeTrue(!root.isBlank(), "REFUSAL_SMOLLM2 does not name the folder of the real models");
    Path goldens = Goldens.folder("smollm2");
    assumeTrue(Files.isDirectory(goldens), goldens + " is not there: point -Drefusal.goldens to the complete set");
    JsonNode json = Json.read(goldens.resolve("expected.json"));
    String model = json.path("model").asText();
    Path folder = Path.of(root).resolve(model);
    assumeTrue(Files.isDirectory(folder), folder + " is not there");

    int all = json.path("prompts").size();
    int wanted = Math.min(Math.min(all, most), Integer.getInteger("refusal.smollm2.prompts", all));
    List<Integer> order =
        IntStream.range(0, wanted)
            .map(i -> i * all / wanted)
            .boxed()
            .sorted(Comparator.comparingInt(i -> json.path("prompts").path(i).path("prompt_ids").size()))
            .toList();
    int newTokens = json.path("max_new_tokens").asInt();
    double worst = 0;
    int excused = 0;
    try (Safetensors residuals = Safetensors.open(goldens.resolve("residuals_last.safetensors"));
        CausalLm lm = CausalLm.load(CheckpointFolder.open(folder, model), TestDevice.get(), DataType.FLOAT32)) {
      Generator generator = new Generator(lm);
      for (int begin = 0; begin < order.size(); begin += batchSize) {
        List<Integer> rows = order.subList(begin, Math.min(begin + batchSize, order.size()));
        try (Memory.Scope scope = Memory.scope()) {
          Map<HookPoint, NDArray> seen = new HashMap<>();
          Map<HookPoint, Hook> hooks = new HashMap<>();
          json.path("hooks")
              .forEach(
                  name ->
                      hooks.put(
                          HookPoint.parse(name.asText()),
                          (x, at) -> {
                            seen.put(at, x.get(new NDIndex(":,-1")));
                            return x;
                          }));
          List<int[]> ids = new ArrayList<>();
          rows.forEach(i -> ids.add(ints(json.path("prompts").path(i).path("prompt_ids"))));
          CausalLm.Prefill prefill = lm.prefill(new TokenBatch(ids, 0), newTokens, new Hooks(hooks));
          Generation generation;
          try (KvCache cache = prefill.cache()) {
            generation = generator.continueFrom(prefill.logits(), cache, newTokens, Hooks.none());
          }
          for (int row = 0; row < rows.size(); row++) {
            JsonNode expected = json.path("prompts").path(rows.get(row));
            excused += compareIds(expected, generation, row);
            for (Map.Entry<HookPoint, NDArray> entry : seen.entrySet()) {
              worst = Math.max(worst, deviation(residuals, entry.getKey(), rows.get(row), entry.getValue().get(row)));
            }
          }
        }
      }
    }
    System.out.printf(
        "SmolLm2GoldenTest: %d prompts in batches of %d, %d answers differ (at a gap below 1e-3), largest deviation of a"
            + " residual %.1e%n",
        order.size(), batchSize, excused, worst);
    assertThat(worst).isLessThanOrEqualTo(2e-4);
  }

  private static int compareIds(JsonNode expected, Generation generation, int row) {
    int[] wanted = ints(expected.path("generated_ids"));
    int[] found = generation.ids().get(row);
    for (int i = 0; i < Math.max(wanted.length, found.length); i++) {
      if (i >= wanted.length || i >= found.length || wanted[i] != found[i]) {
        double gap = expected.path("gaps").path(i).asDouble(1);
        System.out.printf(
            "SmolLm2GoldenTest: '%s' differs first at token %d: %s instead of %s, gap %.1e%n",
            expected.path("prompt").asText(), i, i < found.length ? found[i] : "the end",
            i < wanted.length ? wanted[i] : "the end", gap);
        assertThat(gap)
            .as("gap at token %d of '%s'", i, expected.path("prompt").asText())
            .isLessThan(1e-3);
        return 1;
      }
    }
    assertThat(generation.ended()[row]).isEqualTo(expected.path("ended").asBoolean());
    return 0;
  }

  private static double deviation(Safetensors residuals, HookPoint at, int prompt, NDArray actual) {
    float[] found = actual.toFloatArray();
    float[] all = residuals.floats(at.name());
    double largest = 0;
    for (float value : all) {
      largest = Math.max(largest, Math.abs(value));
    }
    double deviation = 0;
    for (int i = 0; i < found.length; i++) {
      deviation = Math.max(deviation, Math.abs(found[i] - all[prompt * found.length + i]));
    }
    return deviation / largest;
  }

  private static int[] ints(JsonNode list) {
    return IntStream.range(0, list.size()).map(i -> list.get(i).intValue()).toArray();
  }
}
