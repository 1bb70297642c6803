package org.refusal.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.StreamSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;
import org.refusal.torch.Memory;
import org.refusal.torch.TestDevice;

/** What config.json and generation_config.json say is obeyed as by transformers, whose values are in expected.json. */
class ForeignModelTest {
  private static final Path FILES = Path.of("src/test/resources/foreign-models");

  @TempDir Path folder;

  static Stream<String> cases() {
    return StreamSupport.stream(Json.read(FILES.resolve("expected.json")).path("cases").spliterator(), false)
        .map(each -> each.path("name").asText());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void computesWhatTransformersComputes(String name) {
    JsonNode expected = Json.read(FILES.resolve("expected.json"));
    JsonNode each =
        StreamSupport.stream(expected.path("cases").spliterator(), false)
            .filter(found -> found.path("name").asText().equals(name))
            .findFirst()
            .orElseThrow();
    write(each);
    int[] prompt = StreamSupport.stream(expected.path("prompt").spliterator(), false).mapToInt(JsonNode::asInt).toArray();
    CheckpointFolder checkpoint = CheckpointFolder.open(folder, "tiny");
    try (Memory.Scope scope = Memory.scope();
        CausalLm lm = CausalLm.load(checkpoint, TestDevice.get(), DataType.FLOAT32)) {
      TokenBatch batch = new TokenBatch(List.of(prompt), 0);
      AtomicReference<float[]> residual = new AtomicReference<>();
      Hooks hooks = new Hooks(Map.of(HookPoint.residuals(1), (x, at) -> {
        residual.set(x.toFloatArray());
        return x;
      }));
      float[] logits = lm.forward(batch, hooks, LogitsAt.LAST).toFloatArray();
      close(logits, each.path("logits"));
      int width = checkpoint.config().dModel();
      float[] last = new float[width];
      System.arraycopy(residual.get(), residual.get().length - width, last, 0, width);
      close(last, each.path("residual"));
      List<Integer> ends = saysWhereAnswersEnd(each) ? lm.config().endTokens() : List.of();
      int[] generated = new Generator(lm, ends).generate(batch, 10, Hooks.none()).ids().get(0);
      assertThat(generated)
          .containsExactly(
              StreamSupport.stream(each.path("generated").spliterator(), false).mapToInt(JsonNode::asInt).toArray());
    }
  }

  /** Without such a key the reference was generated without an end token, that of the model's class too. */
  private static boolean saysWhereAnswersEnd(JsonNode each) {
    return each.path("config").has("eos_token_id") || each.has("generation_config");
  }

  private void write(JsonNode each) {
    Path weights = FILES.resolve(each.path("weights").asText() + ".safetensors");
    String without =
        switch (each.path("edit").asText()) {
          case "headOnly" -> "model.embed_tokens.weight";
          case "noHead" -> "lm_head.weight";
          default -> "";
        };
    Map<String, Tensor> kept = new LinkedHashMap<>();
    try (Safetensors file = Safetensors.open(weights)) {
      for (Safetensors.Entry entry : file.entries().values()) {
        if (!entry.name().equals(without)) {
          kept.put(entry.name(), Tensor.of(file.floats(entry.name()), entry.shape()));
        }
      }
    }
    Safetensors.write(folder.resolve("model.safetensors"), kept, Map.of());
    Json.write(folder.resolve("config.json"), each.path("config"));
    if (each.has("generation_config")) {
      Json.write(folder.resolve("generation_config.json"), each.path("generation_config"));
    }
  }

  private static void close(float[] found, JsonNode expected) {
    assertThat(found).hasSize(expected.size());
    for (int i = 0; i < found.length; i++) {
      assertThat((double) found[i]).as("element %d", i).isCloseTo(expected.get(i).asDouble(), within(1e-4));
    }
  }
}
