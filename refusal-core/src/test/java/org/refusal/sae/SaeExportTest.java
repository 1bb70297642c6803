package org.refusal.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.io.TorchFile;

/** Every layout and back gives the same function; the original's own files too. */
class SaeExportTest {
  private static final HookPoint AT = HookPoint.residuals(2);
  private static final SaeSource SOURCE = new SaeSource("toy/model", AT.transformerLensName(), true);

  @TempDir Path folder;

  private static SaeCheckpoint random() {
    SplittableRandom random = new SplittableRandom(3);
    float[][] values = new float[4][];
    int[] sizes = {5 * 12, 12, 12 * 5, 5};
    for (int i = 0; i < 4; i++) {
      values[i] = new float[sizes[i]];
      for (int j = 0; j < sizes[i]; j++) {
        values[i][j] = (float) (random.nextDouble() - .5);
      }
    }
    return new SaeCheckpoint(new SaeWeights(5, 12, 3, values[0], values[1], values[2], values[3]), SOURCE);
  }

  @ParameterizedTest
  @EnumSource(SaeExport.class)
  void thereAndBackTheFunctionIsTheSame(SaeExport format) {
    SaeCheckpoint sae = random();

    Path written = format.write(sae, AT, folder);

    SaeCheckpoint read = SaeImport.read(written, SOURCE, null);
    assertThat(read.weights().architecture()).isEqualTo(new TopK(3));
    assertThat(read.weights().wEnc()).containsExactly(sae.weights().wEnc());
    assertThat(read.weights().bEnc()).containsExactly(sae.weights().bEnc());
    assertThat(read.weights().wDec()).containsExactly(sae.weights().wDec());
    assertThat(read.weights().bDec()).containsExactly(sae.weights().bDec());
  }

  @Test
  void namesAndShapesAreThoseThatTheToolsRead() {
    SaeExport.SPARSIFY.write(random(), AT, folder);
    try (Safetensors file = Safetensors.open(folder.resolve("layers.2").resolve("sae.safetensors"))) {
      assertThat(file.entries().keySet())
          .containsExactlyInAnyOrder("W_dec", "b_dec", "encoder.bias", "encoder.weight");
      assertThat(file.entry("encoder.weight").shape()).containsExactly(12, 5);
      assertThat(file.entry("W_dec").shape()).containsExactly(12, 5);
    }
    var config = Json.read(folder.resolve("layers.2").resolve("cfg.json"));
    assertThat(config.path("num_latents").asInt()).isEqualTo(12);
    assertThat(config.path("k").asInt()).isEqualTo(3);
    assertThat(config.path("d_in").asInt()).isEqualTo(5);
    SaeExport.DICTIONARY_LEARNING.write(random(), AT, folder);
    Map<?, ?> state = (Map<?, ?>) TorchFile.read(folder.resolve("residuals_2").resolve("ae.pt"));
    assertThat(state.keySet().stream().map(Object::toString))
        .containsExactlyInAnyOrder("b_dec", "k", "threshold", "decoder.weight", "encoder.weight", "encoder.bias");
    assertThat(((Safetensors.Tensor) state.get("decoder.weight")).shape()).containsExactly(5, 12);
    assertThat(((Safetensors.Tensor) state.get("k")).shape()).isEmpty();
    SaeExport.SPARSIFY.write(random(), HookPoint.mlp(3), folder);
    assertThat(folder.resolve("layers.3.mlp")).isDirectory();
  }

  @Test
  void theStreamBetweenAttentionAndMlpIsNoModulesOutput() {
    HookPoint mid = HookPoint.residualsMid(2);
    assertThat(SaeExport.SAELENS.write(random(), mid, folder)).isEqualTo(folder.resolve("residuals_mid_2"));
    assertThatThrownBy(() -> SaeExport.SPARSIFY.write(random(), mid, folder))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("residuals_mid_2");
  }

  @Test
  void anUnknownLayoutIsNamed() {
    assertThatThrownBy(() -> SaeExport.of("sparsfy"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("no layout 'sparsfy' for autoencoders; did you mean sparsify?");
  }

  /** What PyTorch 2.5.1 computed with the weights of the file, top-k after ReLU, for two inputs. */
  @Test
  void theOriginalsFileInEitherFormOfTorchSave() throws Exception {
    float[] x = {
      0.6613521575927734f, 0.266924113035202f, 0.06167725846171379f, 0.6213173270225525f, -0.4519059658050537f,
      -0.16613022983074188f, -1.522768497467041f, 0.38168391585350037f, -1.0276086330413818f, -0.563052773475647f,
      -0.8922905325889587f, -0.05825017765164375f
    };
    float[] reconstructed = {
      0.07453761249780655f, -0.29162493348121643f, -0.012420177459716797f, -0.24143007397651672f, 0.140865296125412f,
      0.008439593017101288f, 0.07239798456430435f, -0.1568949967622757f, 0.0011531263589859009f, -0.2511908710002899f,
      -0.06506586074829102f, -0.27146047353744507f
    };
    for (String name : new String[] {"residuals_2_sae.pt", "legacy_sae.pt"}) {
      Path file = Path.of(SaeExportTest.class.getResource("/torch/" + name).toURI());
      SaeCheckpoint read = SaeImport.read(file, SOURCE, null);
      assertThat(read.weights().architecture()).as("max(1, int(12 * 0.25))").isEqualTo(new TopK(3));
      try (NDManager manager = NDManager.newBaseManager();
          SparseAutoencoder sae = TensorAutoencoder.of(read.weights(), manager, DataType.FLOAT64)) {
        NDArray input = manager.create(x, new Shape(2, 6)).toType(DataType.FLOAT64, true);
        double[] found = sae.decode(sae.encode(input)).toDoubleArray();
        for (int i = 0; i < found.length; i++) {
          assertThat(found[i]).as(name + ", element " + i).isCloseTo(reconstructed[i], within(1e-6));
        }
      }
      assertThatThrownBy(() -> SaeImport.read(file, SOURCE, 4))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("its k_percent 0.25 means k 3, not 4");
    }
    assertThat(Files.exists(folder)).isTrue();
  }
}
