package org.refusal.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;

class SaeCheckpointTest {
  private static final int D_IN = 5;
  private static final int D_SAE = 7;
  private static final int K = 3;
  private static final SaeSource SOURCE = new SaeSource("toy", "blocks.2.hook_resid_post", true);

  @TempDir Path folder;

  static float[] random(int size, long seed, String name) {
    SplittableRandom random = Seeds.random(seed, name);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) (random.nextDouble() * 2 - 1);
    }
    return values;
  }

  private static SaeWeights weights() {
    return new SaeWeights(
        D_IN,
        D_SAE,
        K,
        random(D_IN * D_SAE, 1, "W_enc"),
        random(D_SAE, 1, "b_enc"),
        random(D_IN * D_SAE, 1, "W_dec"),
        random(D_IN, 1, "b_dec"));
  }

  @Test
  void byHand() {
    // W_enc columns: e0, e1, e0 + e1, -e0; W_dec rows: e0, 2 e1, (1, 1), e1; x - b_dec = (3, 1)
    SaeWeights weights =
        new SaeWeights(
            2, 4, 2, new float[] {1, 0, 1, -1, 0, 1, 1, 0}, new float[] {0, 0, -2, 0},
            new float[] {1, 0, 0, 2, 1, 1, 0, 1}, new float[] {10, 20});
    try (NDManager manager = NDManager.newBaseManager();
        SparseAutoencoder sae = TensorAutoencoder.of(weights, manager, DataType.FLOAT64)) {
      NDArray x = manager.create(new double[] {13, 21, 10, 20}, new Shape(2, 2));
      assertThat(sae.encodeDense(x).get(0).toDoubleArray()).containsExactly(3, 0, 2, 0);
      assertThat(sae.decode(sae.encode(x)).toDoubleArray()).containsExactly(15, 22, 10, 20);
      assertThat(sae.encode(x).offsets().toLongArray()).containsExactly(0, 2);
      assertThat(sae.encode(x).values().toDoubleArray()).containsExactly(3, 2, 0, 0);
    }
  }

  @Test
  void writtenAndReadAgain() {
    SaeCheckpoint checkpoint = new SaeCheckpoint(weights(), SOURCE);
    checkpoint.write(folder);
    SaeCheckpoint read = SaeCheckpoint.read(folder);
    assertThat(read.source()).isEqualTo(SOURCE);
    assertThat(read.weights()).usingRecursiveComparison().isEqualTo(weights());
    assertThat(Json.read(folder.resolve("cfg.json")).path("architecture").asText()).isEqualTo("topk");
  }

  @Test
  void inputScaleFoldsIn() {
    double c = .037;
    try (NDManager manager = NDManager.newBaseManager();
        SparseAutoencoder trained = TensorAutoencoder.of(weights(), manager, DataType.FLOAT64);
        SparseAutoencoder folded = TensorAutoencoder.of(weights().withInputScale(c), manager, DataType.FLOAT64)) {
      NDArray x = manager.create(random(4 * D_IN, 2, "x"), new Shape(4, D_IN)).toType(DataType.FLOAT64, false);
      NDArray scaled = x.mul(c);
      double[] expected = trained.encodeDense(scaled).toDoubleArray();
      assertThat(folded.encodeDense(x).toDoubleArray()).containsExactly(expected, within(1e-6));
      assertThat(folded.decode(folded.encode(x)).mul(c).toDoubleArray())
          .containsExactly(trained.decode(trained.encode(scaled)).toDoubleArray(), within(1e-5));
    }
  }

  @Test
  void variantsOfSaeLensKeepTheirMeaning() {
    new SaeCheckpoint(weights(), SOURCE).write(folder);
    edit(cfg -> cfg.put("apply_b_dec_to_input", false).put("rescale_acts_by_decoder_norm", true));
    SaeWeights w = weights();
    float[] x = random(D_IN, 3, "x");
    double[] scaled = new double[D_SAE];
    double[] norms = new double[D_SAE];
    for (int i = 0; i < D_SAE; i++) {
      double pre = w.bEnc()[i];
      for (int j = 0; j < D_IN; j++) {
        pre += x[j] * w.wEnc()[j * D_SAE + i];
        norms[i] += Math.pow(w.wDec()[i * D_IN + j], 2);
      }
      norms[i] = Math.sqrt(norms[i]);
      scaled[i] = Math.max(pre * norms[i], 0);
    }
    double[] sorted = scaled.clone();
    Arrays.sort(sorted);
    double[] expected = new double[D_IN];
    for (int j = 0; j < D_IN; j++) {
      expected[j] = w.bDec()[j];
      for (int i = 0; i < D_SAE; i++) {
        if (scaled[i] >= sorted[D_SAE - K]) {
          expected[j] += scaled[i] / norms[i] * w.wDec()[i * D_IN + j];
        }
      }
    }
    try (NDManager manager = NDManager.newBaseManager();
        SparseAutoencoder sae = SaeCheckpoint.load(folder, manager, DataType.FLOAT32)) {
      float[] found = sae.decode(sae.encode(manager.create(x, new Shape(1, D_IN)))).toFloatArray();
      for (int j = 0; j < D_IN; j++) {
        assertThat((double) found[j]).isCloseTo(expected[j], within(1e-5));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "architecture, temporal, architecture 'temporal' cannot be read",
    "normalize_activations, layer_norm, normalize_activations 'layer_norm' cannot be read",
    "reshape_activations, hook_z, reshape_activations 'hook_z' cannot be read",
  })
  void otherFormsAreRefusedByName(String key, String value, String message) {
    new SaeCheckpoint(weights(), SOURCE).write(folder);
    edit(cfg -> cfg.put(key, value));
    assertThatThrownBy(() -> SaeCheckpoint.read(folder))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("cfg.json: " + message);
  }

  @ParameterizedTest
  @CsvSource({
    "k, 8, k 8 is larger than d_sae 7",
    "k, 0, 'k must be a positive whole number, not 0'",
    "d_sae, 6, 'W_enc has shape [5, 7]; cfg.json says [5, 6]'",
  })
  void sizesAreChecked(String key, int value, String message) {
    new SaeCheckpoint(weights(), SOURCE).write(folder);
    edit(cfg -> cfg.put(key, value));
    if (key.equals("d_sae")) {
      edit(cfg -> cfg.put("k", 2));
    }
    assertThatThrownBy(() -> SaeCheckpoint.read(folder))
        .isInstanceOf(UserException.class)
        .hasMessageContaining(message);
  }

  @Test
  void weightThatIsNotFiniteAndMissingTensorAreNamed() {
    SaeWeights broken = weights();
    broken.wDec()[4] = Float.POSITIVE_INFINITY;
    new SaeCheckpoint(broken, SOURCE).write(folder);
    assertThatThrownBy(() -> SaeCheckpoint.read(folder))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("W_dec, element 4: Infinity");
    Safetensors.write(
        folder.resolve("sae_weights.safetensors"),
        Map.of("W_enc", Tensor.of(weights().wEnc(), D_IN, D_SAE)),
        Map.of());
    assertThatThrownBy(() -> SaeCheckpoint.read(folder))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("b_enc");
  }

  private void edit(Consumer<ObjectNode> change) {
    ObjectNode config = (ObjectNode) Json.read(folder.resolve("cfg.json"));
    change.accept(config);
    Json.write(folder.resolve("cfg.json"), config);
  }
}
