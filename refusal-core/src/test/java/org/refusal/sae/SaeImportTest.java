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
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.refusal.base.UserException;
import org.refusal.io.Json;

class SaeImportTest {
  private static final Path LAYOUTS = Path.of("src/test/resources/sae-layouts");
  private static final SaeSource SOURCE = new SaeSource("toy", "blocks.8.hook_resid_post", true);

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"dictionary_learning", "sparsify"})
  void computesWhatTheOtherToolComputes(String tool) {
    SaeCheckpoint read = SaeImport.read(LAYOUTS.resolve(tool), SOURCE, null);
    assertThat(read.weights().k()).isEqualTo(2);
    check(read, tool);
    read.write(folder);
    check(SaeImport.read(folder, SOURCE, null), tool);
    assertThat(SaeCheckpoint.read(folder).source()).isEqualTo(SOURCE);
  }

  private static void check(SaeCheckpoint checkpoint, String tool) {
    JsonNode expected = Json.read(LAYOUTS.resolve(tool).resolve("expected.json"));
    try (NDManager manager = NDManager.newBaseManager();
        SparseAutoencoder sae = TopKAutoencoder.of(checkpoint.weights(), manager, DataType.FLOAT32)) {
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
        "k | 0 | cfg.json: k must be a positive whole number",
        "k | 7 | k 7 is larger than d_sae 6"
      })
  void otherFormsOfSparsifyAreRefused(String key, String value, String message) throws IOException {
    for (String file : List.of("cfg.json", "sae.safetensors")) {
      Files.copy(LAYOUTS.resolve("sparsify").resolve(file), folder.resolve(file));
    }
    ObjectNode config = (ObjectNode) Json.read(folder.resolve("cfg.json"));
    config.set(key, value.matches("\\d+") ? Json.mapper().getNodeFactory().numberNode(Integer.parseInt(value))
        : value.equals("true") ? Json.mapper().getNodeFactory().booleanNode(true)
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
    Files.writeString(folder.resolve("config.json"), "{\"trainer\": {\"dict_class\": \"GatedAutoEncoder\"}}");
    assertThatThrownBy(() -> SaeImport.read(folder, SOURCE, null))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("dict_class 'GatedAutoEncoder' cannot be read, only AutoEncoderTopK can");
  }
}
