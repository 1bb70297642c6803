package org.refusal.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.types.DataType;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;
import org.refusal.torch.TestDevice;

/** What a broken model folder is told to be, on a checkpoint of two layers written here. */
class CheckpointTest {
  @TempDir Path folder;
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();

  @BeforeEach
  void write() {
    tensors.putAll(TinyCheckpoint.tensors());
    TinyCheckpoint.write(folder, tensors);
  }

  private void loadFails(String... parts) {
    TinyCheckpoint.write(folder, tensors);
    fails(parts);
  }

  private void fails(String... parts) {
    assertThatThrownBy(() -> CausalLm.load(CheckpointFolder.open(folder, "tiny"), TestDevice.get(), DataType.FLOAT32).close())
        .isInstanceOf(UserException.class)
        .hasMessageContainingAll(parts)
        .satisfies(
            e -> {
              assertThat(e.getMessage()).doesNotContain("\n");
              assertThat(((UserException) e).exitCode()).isEqualTo(ExitCode.BAD_DATA);
            });
  }

  private void config(Consumer<ObjectNode> change) {
    Path file = folder.resolve("config.json");
    ObjectNode root = (ObjectNode) Json.read(file);
    change.accept(root);
    Json.write(file, root);
  }

  @Test
  void soundOneLoads() {
    try (CausalLm lm = CausalLm.load(CheckpointFolder.open(folder, "tiny"), TestDevice.get(), DataType.FLOAT32)) {
      assertThat(lm.config().endTokens()).containsExactly(2);
      assertThat(CheckpointFolder.open(folder, "tiny").files())
          .containsExactly(folder.resolve("config.json"), folder.resolve("model.safetensors"));
    }
  }

  @Test
  void missingTensor() {
    tensors.remove("model.layers.1.mlp.up_proj.weight");
    loadFails("model.safetensors", "'model.layers.1.mlp.up_proj.weight'");
  }

  @Test
  void misshapenTensor() {
    tensors.put("model.norm.weight", Tensor.of(new float[9], 9));
    loadFails("model.safetensors", "'model.norm.weight'", "[9]", "[8]");
  }

  @Test
  void wrongType() {
    tensors.put("model.norm.weight", Tensor.of(new int[8], 8));
    loadFails("'model.norm.weight'", "I32");
  }

  @Test
  void notANumber() {
    float[] values = new float[8];
    values[3] = Float.NaN;
    tensors.put("model.norm.weight", Tensor.of(values, 8));
    loadFails("model.safetensors", "'model.norm.weight'", "NaN");
  }

  @Test
  void truncatedFile() throws IOException {
    Path file = folder.resolve("model.safetensors");
    try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
      access.setLength(Files.size(file) - 10);
    }
    fails("model.safetensors", "tensor '", "truncated");
  }

  @Test
  void missingShard() throws IOException {
    Files.delete(folder.resolve("model.safetensors"));
    fails("holds neither");
    Files.writeString(
        folder.resolve("model.safetensors.index.json"),
        "{\"weight_map\": {\"model.norm.weight\": \"model-00001-of-00002.safetensors\"}}");
    fails("model-00001-of-00002.safetensors", "no such file");
    Files.writeString(
        folder.resolve("model.safetensors.index.json"), "{\"weight_map\": {\"model.norm.weight\": \"../x\"}}");
    fails("no file name");
  }

  @Test
  void tokenizerBeyondTheVocabulary() throws IOException {
    Files.writeString(
        folder.resolve("tokenizer.json"),
        "{\"model\": {\"vocab\": {\"a\": 3}}, \"added_tokens\": [{\"id\": 16, \"content\": \"<x>\"}]}");
    fails("tokenizer.json", "16", "vocab_size 16");
  }

  @ParameterizedTest
  @CsvSource({
    "model_type, gpt2",
    "hidden_act, gelu",
    "architectures, MistralForCausalLM",
    "quantization_config, int4",
    "final_logit_softcapping, 30",
    "num_key_value_heads, 3",
    "hidden_size, wide",
  })
  void whatWouldChangeTheResult(String key, String value) {
    config(root -> root.put(key, value.matches("\\d+") ? null : value));
    if (value.matches("\\d+")) {
      config(root -> root.put(key, Integer.parseInt(value)));
    }
    fails("config.json", key, value);
  }

  @Test
  void ropeOfAnotherKind() {
    config(root -> root.putObject("rope_scaling").put("type", "yarn").put("factor", 2));
    fails("config.json", "rope_type", "yarn");
    config(root -> root.putObject("rope_scaling").put("rope_type", "llama3").put("factor", 2));
    fails("config.json", "low_freq_factor");
  }

  @Test
  void bothSpellingsOfTheConfiguration() {
    config(
        root -> {
          root.remove(List.of("rope_theta", "torch_dtype"));
          root.put("dtype", "bfloat16");
          root.putObject("rope_parameters").put("rope_type", "default").put("rope_theta", 5000.0);
          root.putArray("eos_token_id").add(2).add(5);
        });
    ModelConfig read = ModelConfig.read(folder, "tiny");
    assertThat(read.ropeTheta()).isEqualTo(5000);
    assertThat(read.storedType()).isEqualTo("bfloat16");
    assertThat(read.endTokens()).containsExactly(2, 5);
    Json.write(folder.resolve("generation_config.json"), Map.of("eos_token_id", 7));
    assertThat(ModelConfig.read(folder, "tiny").endTokens()).containsExactly(7);
  }

  @Test
  void slidingWindowsPerLayer() {
    config(
        root -> {
          root.put("model_type", "qwen2").put("sliding_window", 4).put("use_sliding_window", true);
          root.put("max_window_layers", 1).remove("architectures");
        });
    assertThat(ModelConfig.read(folder, "x").slidingWindows()).containsExactly(0, 4);
    config(root -> root.putArray("layer_types").add("sliding_attention").add("full_attention"));
    assertThat(ModelConfig.read(folder, "x").slidingWindows()).containsExactly(4, 0);
    config(root -> root.put("use_sliding_window", false));
    assertThat(ModelConfig.read(folder, "x").slidingWindows()).containsExactly(0, 0);
    config(root -> root.put("model_type", "mistral").remove("layer_types"));
    assertThat(ModelConfig.read(folder, "x").slidingWindows()).containsExactly(4, 4);
  }

  @Test
  void hubCacheFollowsRefsMain(@TempDir Path cache) throws IOException {
    Path repository = cache.resolve("hub/models--some--model");
    Path snapshot = repository.resolve("snapshots/abc");
    TinyCheckpoint.write(snapshot, tensors);
    HubCache hub = HubCache.of(Optional.empty(), Map.of("HF_HOME", cache.toString()), Path.of("/nowhere"));
    assertThat(hub.open("some/model").folder()).isEqualTo(snapshot);
    Files.createDirectories(repository.resolve("snapshots/def"));
    assertThatThrownBy(() -> hub.open("some/model")).hasMessageContaining("2 snapshots");
    Files.createDirectories(repository.resolve("refs"));
    Files.writeString(repository.resolve("refs/main"), "abc\n");
    assertThat(hub.open("some/model").config().name()).isEqualTo("some/model");
    assertThat(HubCache.of(Optional.of(cache), Map.of(), Path.of("/")).open("some/model").folder()).isEqualTo(snapshot);
    assertThat(
            HubCache.of(Optional.empty(), Map.of("HF_HUB_CACHE", cache.resolve("hub").toString()), Path.of("/"))
                .open("some/model")
                .folder())
        .isEqualTo(snapshot);
    assertThatThrownBy(() -> hub.open("other/model"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining(cache.resolve("hub/models--other--model").toString())
        .satisfies(e -> assertThat(((UserException) e).advice()).get().asString().contains("download"));
  }
}
