package org.refusal.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.io.Safetensors.Tensor;
import org.refusal.io.TorchFileWriter;

class SaeImportTest {
  private static final Path LAYOUTS = Path.of("src/test/resources/sae-layouts");
  private static final SaeSource SOURCE = new SaeSource("toy", "blocks.8.hook_resid_post", true);

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"dictionary_learning", "sparsify"})
  void computesWhatTheOtherToolComputes(String tool) {
    SaeCheckpoint read = SaeImport.read(LAYOUTS.resolve(tool), SOURCE, null);
    assertThat(read.weights().architecture()).isEqualTo(new TopK(2));
    check(read, tool);
    read.write(folder);
    check(SaeImport.read(folder, SOURCE, null), tool);
    assertThat(SaeCheckpoint.read(folder).source()).isEqualTo(SOURCE);
  }

  private static void check(SaeCheckpoint checkpoint, String tool) {
    JsonNode expected = Json.read(LAYOUTS.resolve(tool).resolve("expected.json"));
    try (NDManager manager = NDManager.newBaseManager();
        SparseAutoencoder sae = TensorAutoencoder.of(checkpoint.weights(), manager, DataType.FLOAT32)) {
      NDArray x = manager.create(floats(expected.path("x")), new Shape(3, 4));
      close(sae.encodeDense(x), expected.path("f"));
      close(sae.decode(sae.encode(x)), expected.path("reconstruction"));
    }
  }

  private static float[] floats(JsonNode numbers) {
    float[] values = new float[numbers.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) numbers.get(i).asDouble();
    }
    return values;
  }

  private static void close(NDArray found, JsonNode expected) {
    float[] values = found.toFloatArray();
    assertThat(values).hasSize(expected.size());
    for (int i = 0; i < values.length; i++) {
      assertThat((double) values[i]).isCloseTo(expected.get(i).asDouble(), within(1e-5));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "activation | groupmax | cfg.json: activation 'groupmax' cannot be read, only topk can",
        "transcode | true | cfg.json: transcode is set: not an autoencoder of this form",
        "signed | true | cfg.json: signed is set: not an autoencoder of this form",
        "skip_connection | true | cfg.json: skip_connection is set",
        "another_key | true | cfg.json: unknown key 'another_key'",
        "use_pre_bias | false | cfg.json: unknown key 'use_pre_bias'",
        "num_latents | 5 | num_latents 5 and expansion_factor",
        "d_in | 9 | cfg.json: d_in 9, but the weights have 4",
        "k | 0 | cfg.json: k must be a positive whole number",
        "k | 7 | k 7 is larger than d_sae 6"
      })
  void otherFormsOfSparsifyAreRefused(String key, String value, String message) throws IOException {
    for (String file : List.of("cfg.json", "sae.safetensors")) {
      Files.copy(LAYOUTS.resolve("sparsify").resolve(file), folder.resolve(file));
    }
    ObjectNode config = (ObjectNode) Json.read(folder.resolve("cfg.json"));
    config.set(key, value.matches("\\d+") ? Json.mapper().getNodeFactory().numberNode(Integer.parseInt(value))
        : value.matches("true|false") ? Json.mapper().getNodeFactory().booleanNode(value.equals("true"))
        : Json.mapper().getNodeFactory().textNode(value));
    Json.write(folder.resolve("cfg.json"), config);
    assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null))
        .isInstanceOf(UserException.class)
        .hasMessageContaining(message);
  }

  @Test
  void whatIsNoAutoencoderIsNamed() throws IOException {
    assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null))
        .isInstanceOf(UserException.class)
        .hasMessage(folder + ": no autoencoder here");
    Files.copy(LAYOUTS.resolve("dictionary_learning/ae.pt"), folder.resolve("ae.pt"));
    Files.writeString(folder.resolve("config.json"), "{\"trainer\": {\"dict_class\": \"CrossCoder\"}}");
    assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("dict_class 'CrossCoder' cannot be read");
  }

  private static Map<String, Tensor> state(String prefix) {
    Random random = new Random(3);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(prefix + "encoder.weight", normal(random, 6, 4));
    tensors.put(prefix + "encoder.bias", normal(random, 6));
    tensors.put(prefix + "decoder.weight", normal(random, 4, 6));
    tensors.put(prefix + "b_dec", normal(random, 4));
    tensors.put(prefix + "k", Tensor.of(new int[] {2}));
    return tensors;
  }

  private static Tensor normal(Random random, long... shape) {
    float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return Tensor.of(values, shape);
  }

  @ParameterizedTest
  @ValueSource(strings = {"_orig_mod.", "module.", "module._orig_mod.", ""})
  void prefixesOfWrappersAreTakenOff(String prefix) {
    TorchFileWriter.write(folder.resolve("ae.pt"), state(prefix));
    Json.write(folder.resolve("config.json"), Map.of("trainer", Map.of("dict_class", "AutoEncoderTopK", "k", 2)));
    SaeWeights weights = SaeImport.read(folder, SOURCE, null).weights();
    assertThat(weights.dIn()).isEqualTo(4);
    assertThat(weights.dSae()).isEqualTo(6);
    assertThat(weights.architecture()).isEqualTo(new TopK(2));
  }

  @Test
  void aTrainersCheckpointIsTheSameAutoencoder() {
    TorchFileWriter.write(folder.resolve("ae.pt"), state(""));
    Path file = folder.resolve("checkpoints/ae_1000.pt");
    TorchFileWriter.write(file, state("module."));
    assertThat(SaeImport.read(file, SOURCE, null).weights().wEnc())
        .isEqualTo(SaeImport.read(folder, SOURCE, null).weights().wEnc());
    Json.write(folder.resolve("config.json"), Map.of("trainer", Map.of("dict_class", "CrossCoder", "k", 2)));
    assertThatThrownBy(() -> SaeImport.read(file, SOURCE, null)).hasMessageContaining("dict_class 'CrossCoder'");
  }

  @Test
  void aThresholdTellsBatchTopK() {
    Map<String, Tensor> tensors = state("");
    tensors.put("threshold", Tensor.of(new float[] {0.35f}));
    TorchFileWriter.write(folder.resolve("ae.pt"), tensors);
    assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("a threshold of 0.35");
    Json.write(folder.resolve("config.json"), Map.of("trainer", Map.of("dict_class", "AutoEncoderTopK", "k", 2)));
    assertThat(SaeImport.read(folder, SOURCE, null).weights().architecture()).isEqualTo(new TopK(2));
    Json.write(folder.resolve("config.json"), Map.of("trainer", Map.of("dict_class", "BatchTopKSAE", "k", 2)));
    assertThat(SaeImport.read(folder, SOURCE, null).weights().architecture()).isEqualTo(new BatchTopK(.35f));
    tensors.put("threshold", Tensor.of(new float[] {-1}));
    TorchFileWriter.write(folder.resolve("ae.pt"), tensors);
    assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null)).hasMessageContaining("the threshold is -1.0");
    Json.write(folder.resolve("config.json"), Map.of("buffer", Map.of()));
    assertThat(SaeImport.read(folder, SOURCE, null).weights().architecture()).isEqualTo(new TopK(2));
  }

  @Test
  void whatAnotherFormHasIsNamed() {
    Map<String, Tensor> tensors = state("");
    tensors.put("gate_bias", Tensor.of(new float[6], 6));
    TorchFileWriter.write(folder.resolve("ae.pt"), tensors);
    assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null)).hasMessageContaining("tensor 'gate_bias'");
    TorchFileWriter.write(folder.resolve("ae.pt"), state(""));
    Json.write(folder.resolve("config.json"), Map.of("trainer", Map.of("k", 3)));
    assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null)).hasMessageContaining("k 3, but ae.pt holds k 2");
    Json.write(folder.resolve("config.json"), Map.of("trainer", Map.of("k", 2, "input_norm", 7)));
    assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null)).hasMessageContaining("unknown key 'input_norm'");
    Json.write(folder.resolve("config.json"), Map.of("trainer", Map.of("k", 2, "layer", 3, "submodule_name", "resid_post_layer_4")));
    assertThatThrownBy(() -> SaeImport.read(folder, new SaeSource("toy", "", true), null))
        .hasMessageContaining("trainer.layer 3, but submodule_name 'resid_post_layer_4'");
  }

  @Test
  void aTrainerOfAnotherClassIsRefusedAlsoWhereTheDictionarysClassIsLeftOut() {
    TorchFileWriter.write(folder.resolve("ae.pt"), state(""));
    Json.write(folder.resolve("config.json"), Map.of("trainer", Map.of("trainer_class", "CrossCoderTrainer", "k", 2)));
    assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null)).hasMessageContaining("trainer_class 'CrossCoderTrainer' cannot be read");
    Json.write(folder.resolve("config.json"), Map.of("trainer", Map.of("trainer_class", "TopKTrainer", "k", 2)));
    assertThat(SaeImport.read(folder, SOURCE, null).weights().architecture()).isEqualTo(new TopK(2));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'activation_fn': 'tanh-relu'} | activation_fn 'tanh-relu' cannot be read",
        "{'activation_fn_kwargs': {'k': 2, 'postact_fn': 'identity'}} | unknown key 'postact_fn'",
        "{'activation_fn_kwargs': {'k': 3}} | k 2, but activation_fn_kwargs.k 3",
        "{'normalize_activations': 'layer_norm'} | normalize_activations 'layer_norm' cannot be read, only expected_average_only_in can",
        "{'normalize_activations': true} | normalize_activations is set",
        "{'finetuning_scaling_factor': true} | finetuning_scaling_factor is set",
        "{'hook_head_index': 3} | hook_head_index is set",
        "{'b_dec_is_added': false} | unknown key 'b_dec_is_added'",
        "{'normalize_activations': false, 'finetuning_scaling_factor': false, 'hook_head_index': null, 'activation_fn_str': 'topk'} | ",
      })
  void switchesOfSaeLensAreObeyedOrNamed(String json, String message) throws IOException {
    SaeImport.read(LAYOUTS.resolve("sparsify"), SOURCE, null).write(folder);
    ObjectNode config = (ObjectNode) Json.read(folder.resolve("cfg.json"));
    config.setAll((ObjectNode) Json.mapper().readTree(json.replace('\'', '"')));
    Json.write(folder.resolve("cfg.json"), config);
    if (message == null) {
      assertThat(SaeImport.read(folder, SOURCE, null).weights().architecture()).isEqualTo(new TopK(2));
    } else {
      assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null))
          .isInstanceOf(UserException.class)
          .hasMessageContaining(message);
    }
  }

  @Test
  void aSwitchInsideATrainingCheckpointIsNamed() {
    Path file = folder.resolve("sae.pt");
    Map<String, Object> config = new LinkedHashMap<>(Map.of("normalize", false));
    Map<String, Object> content = Map.of("state", state(""), "args", Map.of("config", config));
    assertThat(StateDict.find(file, content).tensors()).containsKey("encoder.weight");
    config.put("signed", true);
    assertThatThrownBy(() -> StateDict.find(file, content)).hasMessageContaining("'signed' is set to true");
  }

  @ParameterizedTest
  @CsvSource({
    "blocks.1.hook_resid_pre, residuals_0",
    "blocks.3.hook_resid_post, residuals_3",
    "blocks.3.hook_resid_mid, residuals_mid_3",
    "layers.1, residuals_1",
    "model.layers.1, residuals_1",
    "layers.12.mlp, mlp_12",
    "layers.2.self_attn, attention_2",
    "resid_post_layer_5, residuals_5",
    "mlp_out_layer_5, mlp_5",
    "attention_out_layer_5, attention_5",
  })
  void hookPointsOfOtherTools(String name, String expected) {
    assertThat(HookNames.parse(folder, name).name()).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "blocks.0.hook_resid_pre, is the embedding",
    "blocks.2.attn.hook_z, names no hook point",
    "blocks.2.hook_mlp_in, names no hook point",
  })
  void placesThatAreNoHookPointAreBadData(String name, String message) {
    assertThatThrownBy(() -> HookNames.parse(folder, name))
        .isInstanceOf(UserException.class)
        .hasMessageStartingWith(folder.toString())
        .hasMessageContaining(message)
        .satisfies(e -> assertThat(((UserException) e).exitCode()).isEqualTo(ExitCode.BAD_DATA));
  }

  @Test
  void everyLayoutThatIsExportedComesBackWithItsHookPoint() {
    SaeCheckpoint sae = SaeImport.read(LAYOUTS.resolve("sparsify"), SOURCE, null);
    for (HookPoint at : List.of(HookPoint.residuals(3), HookPoint.mlp(3), HookPoint.attention(3))) {
      SaeCheckpoint placed = new SaeCheckpoint(sae.weights(), new SaeSource("toy", at.transformerLensName(), true));
      for (SaeExport format : SaeExport.values()) {
        Path written = format.write(placed, at, folder.resolve(format.name()));
        SaeCheckpoint read = SaeImport.read(written, new SaeSource("toy", "", true), null);
        assertThat(read.source().hookName()).as(format.name()).isEqualTo(at.transformerLensName());
        assertThat(read.weights().wEnc()).isEqualTo(sae.weights().wEnc());
      }
    }
  }

  @Test
  void unknownKeysAndTensorsOfSaeLensAreNamed() {
    SaeImport.read(LAYOUTS.resolve("sparsify"), SOURCE, null).write(folder);
    ObjectNode config = (ObjectNode) Json.read(folder.resolve("cfg.json"));
    config.put("scaling_factor", 2.5);
    Json.write(folder.resolve("cfg.json"), config);
    assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null)).hasMessageContaining("unknown key 'scaling_factor'");
    config.remove("scaling_factor");
    ((ObjectNode) config.path("metadata")).put("hook_head_index", 3);
    Json.write(folder.resolve("cfg.json"), config);
    assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null)).hasMessageContaining("hook_head_index is set");
  }
}
