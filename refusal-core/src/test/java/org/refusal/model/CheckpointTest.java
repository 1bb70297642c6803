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
import org.junit.jupiter.params.provider.ValueSource;
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
    config(root -> root.putObject("rope_scaling").put("type", "proportional").put("factor", 2));
    fails("config.json", "rope_type", "proportional");
    config(root -> root.putObject("rope_scaling").put("rope_type", "llama3").put("factor", 2));
    fails("config.json", "low_freq_factor");
  }

  /** transformers warns of keys that belong to another rope_type and reads none; model_type alone chooses the class. */
  @Test
  void keysOfAnotherRopeTypeAndAnEmptyListOfArchitecturesChangeNothing() {
    config(
        root -> {
          root.putArray("architectures");
          ObjectNode rope = root.putObject("rope_scaling").put("rope_type", "llama3").put("factor", 8);
          rope.put("low_freq_factor", 1).put("high_freq_factor", 4).put("original_max_position_embeddings", 16);
        });
    ModelConfig plain = ModelConfig.read(folder, "tiny");
    config(
        root -> ((ObjectNode) root.get("rope_scaling")).put("beta_fast", 32).put("beta_slow", 1).put("mscale", 2).put("mscale_all_dim", 1));
    assertThat(ModelConfig.read(folder, "tiny")).isEqualTo(plain);
    config(root -> ((ObjectNode) root.get("rope_scaling")).put("beta_medium", 32));
    fails("config.json", "rope_scaling.beta_medium", "is not known");
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
    assertThat(read.rotaries().get(0).theta()).isEqualTo(5000);
    assertThat(read.storedType()).isEqualTo("bfloat16");
    assertThat(read.endTokens()).containsExactly(2, 5);
    Json.write(folder.resolve("generation_config.json"), Map.of("eos_token_id", 7));
    assertThat(ModelConfig.read(folder, "tiny").endTokens()).containsExactly(7);
    Json.write(folder.resolve("generation_config.json"), Map.of("top_k", 7));
    assertThat(ModelConfig.read(folder, "tiny").endTokens()).isEmpty();
    Json.write(folder.resolve("generation_config.json"), Map.of("guidance_scale", 2));
    fails("generation_config.json", "guidance_scale 2 changes which tokens are generated");
    Json.write(folder.resolve("generation_config.json"), Map.of("new_switch", 2));
    fails("generation_config.json", "new_switch 2 is not known");
  }

  /** As a model that transformers 5.24 loads from such a folder generates, though the class of the first two says 2. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "mistral", "qwen2"})
  void withoutTheKeyThereIsNoEndToken(String type) {
    config(root -> {
      root.put("model_type", type).remove(List.of("architectures", "eos_token_id"));
      root.put("num_key_value_heads", 2);
    });
    assertThat(ModelConfig.read(folder, "tiny").endTokens()).isEmpty();
    config(root -> root.putNull("eos_token_id"));
    assertThat(ModelConfig.read(folder, "tiny").endTokens()).isEmpty();
    config(root -> root.remove("eos_token_id"));
    Json.write(folder.resolve("generation_config.json"), Map.of("top_k", 7));
    assertThat(ModelConfig.read(folder, "tiny").endTokens()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"hidden_act, swish, true", "is_causal, true, true", "is_causal, false, false"})
  void anotherWordForWhatTheseModelsDoIsNoFault(String key, String value, boolean sound) {
    config(root -> {
      if (value.equals("swish")) {
        root.put(key, value);
      } else {
        root.put(key, Boolean.parseBoolean(value));
      }
    });
    if (sound) {
      assertThat(ModelConfig.read(folder, "tiny").layers()).isEqualTo(2);
    } else {
      fails("config.json", key);
    }
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
    fails("layer_types", "layer 0", "the config has none");
    config(root -> root.remove("layer_types"));
    assertThat(ModelConfig.read(folder, "x").slidingWindows()).containsExactly(0, 0);
    config(root -> root.put("model_type", "mistral"));
    assertThat(ModelConfig.read(folder, "x").slidingWindows()).containsExactly(4, 4);
  }

  @Test
  void hubCacheFollowsRefsMain(@TempDir Path cache) throws IOException {
    Path repository = cache.resolve("hub/models--some--model");
    Path snapshot = repository.resolve("snapshots/abc");
    TinyCheckpoint.write(snapshot, tensors);
    HubCache hub = hub(Optional.empty(), Map.of("HF_HOME", cache.toString()), Path.of("/nowhere"));
    assertThat(hub.open("some/model").folder()).isEqualTo(snapshot);
    Files.createDirectories(repository.resolve("snapshots/def"));
    assertThatThrownBy(() -> hub.open("some/model")).hasMessageContaining("2 snapshots");
    Files.createDirectories(repository.resolve("refs"));
    Files.writeString(repository.resolve("refs/main"), "abc\n");
    assertThat(hub.open("some/model").config().name()).isEqualTo("some/model");
    assertThat(hub(Optional.of(cache), Map.of(), Path.of("/")).open("some/model").folder()).isEqualTo(snapshot);
    assertThat(
            hub(Optional.empty(), Map.of("HF_HUB_CACHE", cache.resolve("hub").toString()), Path.of("/"))
                .open("some/model")
                .folder())
        .isEqualTo(snapshot);
    assertThatThrownBy(() -> hub.open("other/model"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining(cache.resolve("hub/models--other--model").toString())
        .satisfies(e -> assertThat(((UserException) e).advice()).get().asString().contains("download"));
  }

  private static HubCache hub(Optional<Path> cacheDir, Map<String, String> variables, Path home) {
    return HubCache.of(cacheDir, new HubEnvironment(variables, home));
  }

  @Test
  void theCacheIsWhereTheVariablesSay(@TempDir Path place) {
    TinyCheckpoint.write(place.resolve("huggingface/hub/models--some--model/snapshots/abc"), tensors);
    Path other = Path.of("/nowhere");
    for (Map<String, String> variables :
        List.of(
            Map.of("XDG_CACHE_HOME", place.toString()),
            Map.of("SCRATCH", place.toString(), "HF_HOME", "$SCRATCH/huggingface"),
            Map.of("SCRATCH", place.toString(), "HF_HUB_CACHE", "${SCRATCH}/huggingface/hub", "HF_HOME", "/elsewhere"),
            Map.of("HOME", place.toString(), "HF_HOME", "~/huggingface"),
            Map.of("HF_HOME", " ", "XDG_CACHE_HOME", place.toString()))) {
      assertThat(hub(Optional.empty(), variables, other).open("some/model").config().name()).isEqualTo("some/model");
      assertThat(new HubEnvironment(variables, other).hub()).isEqualTo(place.resolve("huggingface/hub"));
    }
    assertThat(new HubEnvironment(Map.of("XDG_CACHE_HOME", "~/x"), place).tokenFile())
        .isEqualTo(place.resolve("x/huggingface/token"));
    assertThat(new HubEnvironment(Map.of("HF_TOKEN_PATH", "$NOT_SET/t"), place).tokenFile()).isEqualTo(Path.of("$NOT_SET/t"));
  }

  @Test
  void aRevisionIsABranchOrTheBeginningOfACommit(@TempDir Path cache) throws IOException {
    Path repository = cache.resolve("models--some--model");
    TinyCheckpoint.write(repository.resolve("snapshots/abc123"), tensors);
    TinyCheckpoint.write(repository.resolve("snapshots/def456"), tensors);
    Files.createDirectories(repository.resolve("refs"));
    Files.writeString(repository.resolve("refs/main"), "abc123");
    Files.writeString(repository.resolve("refs/v2"), "def456");
    HubCache hub = hub(Optional.of(cache), Map.of(), cache);
    assertThat(hub.open("some/model").folder()).endsWith(Path.of("abc123"));
    assertThat(hub.open("some/model@v2").folder()).endsWith(Path.of("def456"));
    assertThat(hub.open("some/model@def").folder()).endsWith(Path.of("def456"));
    assertThatThrownBy(() -> hub.open("some/model@v3")).hasMessageContainingAll("'v3'", "abc123", "def456");
    assertThatThrownBy(() -> hub.open("some/model@..")).hasMessageContaining("is not here");
  }

  @Test
  void whatIsNoModelIsToldWhatItIs(@TempDir Path other) throws IOException {
    HubCache hub = hub(Optional.of(other), Map.of(), other);
    assertThatThrownBy(() -> hub.open("https://huggingface.co/acme/tiny/tree/main"))
        .satisfies(e -> assertThat(((UserException) e).advice()).hasValue("its name is acme/tiny"));
    Path gguf = Files.writeString(other.resolve("tiny.gguf"), "GGUF");
    assertThatThrownBy(() -> hub.open(gguf.toString())).hasMessageContaining("tiny.gguf: a GGUF file, which is not read");
    assertThatThrownBy(() -> hub.open(folder.resolve("model.safetensors").toString()))
        .hasMessageContaining("a file, where a model's folder is expected")
        .satisfies(e -> assertThat(((UserException) e).advice()).get().asString().endsWith(folder.toString()));
    Files.writeString(other.resolve("adapter_config.json"), "{\"base_model_name_or_path\": \"acme/base\"}");
    Files.writeString(other.resolve("adapter_model.safetensors"), "");
    for (Path given : List.of(other, other.resolve("adapter_model.safetensors"))) {
      assertThatThrownBy(() -> hub.open(given.toString()))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("an adapter (LoRA) of acme/base");
    }
  }

  @Test
  void oneFileCountsBeforeAnIndex() throws IOException {
    Files.writeString(folder.resolve("model.safetensors.index.json"), "{\"weight_map\": {\"x\": \"gone.safetensors\"}}");
    CheckpointFolder open = CheckpointFolder.open(folder, "tiny");
    assertThat(open.weightFiles()).containsExactly(folder.resolve("model.safetensors"));
    assertThat(open.files()).doesNotContain(folder.resolve("model.safetensors.index.json"));
    assertThat(open.remarks()).anySatisfy(remark -> assertThat(remark).contains("both there", "the first counts"));
  }

  @Test
  void shardsAreReadByWhatTheyHold() throws IOException {
    Map<String, Tensor> first = new LinkedHashMap<>(tensors);
    Map<String, Tensor> second = new LinkedHashMap<>();
    second.put("lm_head.weight", first.remove("lm_head.weight"));
    Files.delete(folder.resolve("model.safetensors"));
    Safetensors.write(folder.resolve("a.safetensors"), first, Map.of());
    Safetensors.write(folder.resolve("b.safetensors"), second, Map.of());
    Files.writeString(
        folder.resolve("model.safetensors.index.json"),
        "{\"weight_map\": {\"model.norm.weight\": \"a.safetensors\", \"x\": \"b.safetensors\"}}");
    assertThat(CheckpointFolder.open(folder, "tiny").tensors()).hasSize(tensors.size());
    second.put("model.norm.weight", first.get("model.norm.weight"));
    Safetensors.write(folder.resolve("b.safetensors"), second, Map.of());
    assertThat(CheckpointFolder.open(folder, "tiny").tensors()).hasSize(tensors.size());
    second.put("model.norm.weight", Tensor.of(new float[8], 8));
    Safetensors.write(folder.resolve("b.safetensors"), second, Map.of());
    fails("b.safetensors", "'model.norm.weight'", "a.safetensors", "other values");
  }

  @ParameterizedTest
  @CsvSource({
    "model.layers.0.self_attn.q_proj.bias",
    "model.layers.0.self_attn.q_norm.weight",
    "model.layers.2.input_layernorm.weight",
    "lm_head.bias",
  })
  void tensorsOfAnotherModel(String name) {
    tensors.put(name, Tensor.of(new float[8], 8));
    loadFails("model.safetensors", "'" + name + "'", "llama model of 2 layers");
  }

  @Test
  void tensorsWithoutEffectAndPrefixesOfWrappers() {
    tensors.put("model.layers.0.self_attn.rotary_emb.inv_freq", Tensor.of(new float[8], 8));
    Map<String, Tensor> wrapped = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> wrapped.put("_orig_mod." + name, tensor));
    TinyCheckpoint.write(folder, wrapped);
    CheckpointFolder open = CheckpointFolder.open(folder, "tiny");
    assertThat(open.tensors()).containsKey("model.norm.weight");
    assertThat(open.remarks()).anySatisfy(remark -> assertThat(remark).contains("_orig_mod."));
    CausalLm.load(open, TestDevice.get(), DataType.FLOAT32).close();
  }

  @ParameterizedTest
  @CsvSource({
    "some_new_switch, 1, some_new_switch 1 is not known",
    "residual_multiplier, 0.5, residual_multiplier 0.5 is not supported",
    "rope_interleaved, true, rope_interleaved true is not supported",
    "suppress_tokens, '[3]', suppress_tokens [3] changes which tokens are generated",
    "no_repeat_ngram_size, 2, no_repeat_ngram_size 2 changes",
    "sliding_window, 0, ''",
    "rms_norm_eps, NaN, rms_norm_eps",
    "rope_scaling, '{\"type\": \"linear\"}', rope_scaling.factor is missing",
    "rope_scaling, '{\"type\": \"linear\", \"factor\": 2, \"alpha\": 3}', rope_scaling.alpha 3 is not known",
    "rope_parameters, '{\"rope_type\": \"longrope\"}', rope_parameters.short_factor (missing) is no list of 1 numbers",
    "rope_parameters, '{\"rope_type\": \"longrope\", \"short_factor\": [0]}', rope_parameters.short_factor [0] holds something else",
    "rope_parameters, '{\"rope_type\": \"yarn\"}', rope_parameters.factor is missing",
    "rope_parameters, '{\"rope_type\": \"yarn\", \"factor\": 2, \"short_factor\": [1]}', ''",
    "rope_parameters, '{\"full_attention\": {\"rope_type\": \"default\"}}', full_attention",
    "quantization_config, '{\"quant_method\": \"awq\", \"modules_to_not_convert\": [\"a\"]}', weights quantized by awq are not read",
  })
  void keysAreObeyedHarmlessOrRefused(String key, String value, String message) throws IOException {
    String text = Files.readString(folder.resolve("config.json"));
    Files.writeString(
        folder.resolve("config.json"), text.replaceFirst("\\{", "{\"" + key + "\": " + value.replace("$", "\\$") + ",")
            .replaceFirst(",\\s+\"" + key + "\" : [^,}]+", ""));
    if (message.isEmpty()) {
      CheckpointFolder.open(folder, "tiny");
    } else {
      fails("config.json", message);
    }
  }

  @Test
  void keysWithoutEffect() {
    config(root -> {
      root.put("_name_or_path", "x").put("unsloth_version", "2024.9").put("temperature", 0.6).put("do_sample", true);
      root.put("attention_dropout", 0.1).put("use_cache", false).putNull("some_new_switch");
      root.putObject("transformers.js_config");
    });
    assertThat(CheckpointFolder.open(folder, "tiny").config().repetitionPenalty()).isEqualTo(1);
  }

  @Test
  void whatIsLeftOutHasTheDefaultOfItsClass() {
    config(root -> root.remove(List.of("max_position_embeddings", "rope_theta", "num_key_value_heads", "rms_norm_eps")));
    ModelConfig llama = ModelConfig.read(folder, "x");
    assertThat(llama.maxPositions()).isEqualTo(2048);
    assertThat(llama.kvHeads()).isEqualTo(4);
    assertThat(llama.rmsNormEps()).isEqualTo(1e-6);
    assertThat(llama.slidingWindows()).containsExactly(0, 0);
    config(root -> {
      root.put("model_type", "mistral").remove("architectures");
      root.put("num_attention_heads", 8).put("head_dim", 2);
    });
    ModelConfig mistral = ModelConfig.read(folder, "x");
    assertThat(mistral.slidingWindows()).containsExactly(4096, 4096);
    assertThat(mistral.kvHeads()).isEqualTo(8);
    assertThat(mistral.maxPositions()).isEqualTo(131072);
    config(root -> root.put("model_type", "qwen2"));
    assertThatThrownBy(() -> ModelConfig.read(folder, "x")).hasMessageContaining("the default of qwen2, 32, does not divide");
    config(root -> root.putNull("num_key_value_heads").put("use_sliding_window", true).put("sliding_window", 4));
    assertThat(ModelConfig.read(folder, "x").slidingWindows()).containsExactly(0, 0);
  }

  @Test
  void thetaOfTwoObjectsThatDisagree() {
    config(root -> {
      root.remove("rope_theta");
      root.putObject("rope_parameters").put("rope_type", "default").put("rope_theta", 5000.0);
      root.putObject("rope_scaling").put("type", "linear").put("factor", 2);
    });
    fails("rope_scaling stands beside rope_parameters", "10000.0", "5000.0");
  }
}
