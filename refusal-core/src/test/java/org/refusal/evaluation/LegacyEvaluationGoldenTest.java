package org.refusal.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.refusal.Goldens;
import org.refusal.circuit.HookPoint;
import org.refusal.evaluation.LegacyIntervention.Replaced;
import org.refusal.io.Json;
import org.refusal.io.Safetensors;
import org.refusal.sae.SaeWeights;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.sae.TensorAutoencoder;
import org.refusal.torch.Devices;
import org.refusal.torch.Memory;

/** reference/evaluation: what the original project's evaluation computed, clamps included. */
class LegacyEvaluationGoldenTest {
  private final Path folder = Goldens.folder("reference").resolve("evaluation");

  @BeforeEach
  void present() {
    assumeTrue(Files.isDirectory(folder), "this set of goldens has no reference/evaluation folder");
  }

  private static double number(JsonNode value) {
    return value.isTextual() ? Double.parseDouble(value.asText()) : value.doubleValue();
  }

  @Test
  void arithmetic() {
    double worst = 0;
    JsonNode cases = Json.read(folder.resolve("arithmetic.json")).path("cases");
    assertThat(cases).isNotEmpty();
    for (JsonNode each : cases) {
      LegacyScores scores =
          new LegacyScores(
              number(each.path("F_M")), number(each.path("F_C")), number(each.path("F_M_minus_C")),
              number(each.path("F_empty")));
      assertThat(scores.faithfulness()).as("faithfulness %s", each).isCloseTo(number(each.path("faithfulness")), within(1e-12));
      assertThat(scores.completeness()).as("completeness %s", each).isCloseTo(number(each.path("completeness")), within(1e-12));
      worst = Math.max(worst, Math.abs(scores.faithfulness() - number(each.path("faithfulness"))));
      worst = Math.max(worst, Math.abs(scores.completeness() - number(each.path("completeness"))));
    }
    System.out.printf("legacy evaluation arithmetic: %d cases, largest deviation %.1e%n", cases.size(), worst);
  }

  @Test
  void refusalScore() {
    JsonNode expected = Json.read(folder.resolve("refusal_score.json"));
    int[] tokens = Json.mapper().convertValue(expected.path("token_ids"), int[].class);
    try (Safetensors file = Safetensors.open(folder.resolve("logits.safetensors"));
        Memory.Scope scope = Memory.scope();
        NDManager manager = Devices.manager(Device.cpu()).newSubManager()) {
      long[] shape = file.entry("logits").shape(); // [batch, pos, vocab]
      NDArray logits = manager.create(file.floats("logits"), new Shape(shape));
      double worst = compare(logits.get(":, -1"), tokens, expected.path("score_of_last_position"));
      worst = Math.max(worst, compare(logits.get(":, 0"), tokens, expected.path("score_of_position_0")));
      System.out.printf("legacy refusal score: largest deviation %.1e%n", worst);
    }
  }

  private static double compare(NDArray logits, int[] tokens, JsonNode expected) {
    double[] scores = LegacyScores.refusalScores(logits, tokens);
    assertThat(scores).hasSize(expected.size());
    double worst = 0;
    for (int row = 0; row < scores.length; row++) {
      assertThat(scores[row]).isCloseTo(number(expected.get(row)), within(1e-5));
      worst = Math.max(worst, Math.abs(scores[row] - number(expected.get(row))));
    }
    return worst;
  }

  @Test
  void meanValues() {
    double worst = 0;
    try (Safetensors file = Safetensors.open(folder.resolve("mean_values.safetensors"))) {
      long[] shape = file.entry("in3").shape();
      int width = (int) shape[2];
      float[] values = file.floats("in3");
      worst = Math.max(worst, deviation(LegacyIntervention.mean(List.of(values), width), file.floats("out3")));
      float[] first = new float[(int) shape[0] * width];
      for (int i = 0; i < shape[0]; i++) {
        System.arraycopy(values, i * (int) shape[1] * width, first, i * width, width);
      }
      worst = Math.max(worst, deviation(LegacyIntervention.mean(List.of(first), width), file.floats("out2")));
    }
    assertThat(worst).isLessThan(1e-6);
    System.out.printf("legacy mean values: largest deviation %.1e%n", worst);
  }

  @Test
  void intervention() {
    JsonNode json = Json.read(folder.resolve("intervention.json"));
    List<Integer> circuit = new ArrayList<>();
    json.path("circuit_features").forEach(latent -> circuit.add(latent.asInt()));
    HookPoint at = HookPoint.parse(json.path("layer").asText());
    double worst = 0;
    try (Safetensors file = Safetensors.open(folder.resolve("intervention.safetensors"));
        Memory.Scope scope = Memory.scope();
        NDManager manager = Devices.manager(Device.cpu()).newSubManager();
        SparseAutoencoder sae = TensorAutoencoder.of(weights(file, json.path("k").asInt()), manager, DataType.FLOAT32)) {
      NDArray x = manager.create(file.floats("x"), new Shape(file.entry("x").shape())); // [batch, pos, d_model]
      for (Replaced which : Replaced.values()) {
        LegacyIntervention hook = new LegacyIntervention(sae, file.floats("mean"), circuit, which);
        float[] expected = file.floats("out." + which.name().toLowerCase(java.util.Locale.ROOT));
        double deviation = deviation(hook.apply(x, at).toFloatArray(), expected);
        assertThat(deviation).as(which.name()).isLessThan(1e-5);
        assertThat(deviation(x.toFloatArray(), expected)).as("%s changes something", which).isGreaterThan(1e-2);
        worst = Math.max(worst, deviation);
      }
    }
    System.out.printf("legacy intervention: largest deviation %.1e%n", worst);
  }

  /** The original's autoencoder does not subtract b_dec from its input, so b_enc takes up W_enc^T b_dec. */
  private static SaeWeights weights(Safetensors file, int k) {
    long[] shape = file.entry("sae.encoder.weight").shape(); // [d_sae, d_in]
    int dSae = (int) shape[0];
    int dIn = (int) shape[1];
    float[] encoder = file.floats("sae.encoder.weight");
    float[] decoder = file.floats("sae.decoder.weight"); // [d_in, d_sae]
    float[] bEnc = file.floats("sae.encoder.bias");
    float[] bDec = file.floats("sae.decoder.bias");
    float[] wEnc = new float[encoder.length];
    float[] wDec = new float[decoder.length];
    for (int i = 0; i < dSae; i++) {
      double bias = bEnc[i];
      for (int j = 0; j < dIn; j++) {
        wEnc[j * dSae + i] = encoder[i * dIn + j];
        wDec[i * dIn + j] = decoder[j * dSae + i];
        bias += (double) encoder[i * dIn + j] * bDec[j];
      }
      bEnc[i] = (float) bias;
    }
    return new SaeWeights(dIn, dSae, k, wEnc, bEnc, wDec, bDec);
  }

  private static double deviation(float[] found, float[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    double worst = 0;
    for (int i = 0; i < found.length; i++) {
      worst = Math.max(worst, Math.abs((double) found[i] - expected[i]));
    }
    return worst;
  }
}
