package org.refusal.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.base.UserException;
import org.refusal.io.Json;
import org.refusal.torch.Memory;
import org.refusal.torch.TestDevice;

/**
 * Scaled rotary frequencies. Expected values: the functions of transformers 5.24's modeling_rope_utils.py, run in float64.
 */
class RotaryTest {
  private static final String LONGROPE =
      "\"rope_type\": \"longrope\", \"short_factor\": [1.0, 1.1, 1.2, 1.5], \"long_factor\": [1.0, 2.0, 4.0, 9.0],"
          + " \"original_max_position_embeddings\": 32";

  @TempDir Path folder;

  private Rotary read(String parameters, int headDim, int maxPositions) throws IOException {
    Path file = folder.resolve("rope.json");
    Files.writeString(file, "{\"rope_parameters\": {%s}}".formatted(parameters));
    return new RotaryConfig(ConfigObject.read(file), headDim, maxPositions).read();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "'\"rope_type\": \"linear\", \"factor\": 4.0' | 8 | 128 | 0.25 0.025 0.0025 0.00025 | 1",
    "'\"rope_type\": \"dynamic\", \"factor\": 4.0' | 8 | 128 | 1 0.1 0.01 0.001 | 1",
    "'\"rope_type\": \"llama3\", \"rope_theta\": 500000.0, \"factor\": 8.0, \"low_freq_factor\": 1.0,"
        + " \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 64' | 16 | 1024"
        + " | 1.0 0.0794030091792082 0.004700753866357992 0.0009115830921521386 0.00017677669529663688 3.428102195952591e-05"
        + " 6.647869871181236e-06 1.2891731721515574e-06 | 1",
    "'\"rope_type\": \"yarn\", \"factor\": 4.0, \"original_max_position_embeddings\": 64' | 16 | 256"
        + " | 1.0 0.23717082451262847 0.05 0.007905694150420948 0.0025 0.000790569415042095 0.00025 7.905694150420948e-05"
        + " | 1.138629436111989",
    "'\"rope_type\": \"yarn\", \"factor\": 4.0, \"original_max_position_embeddings\": 64, \"truncate\": false,"
        + " \"beta_fast\": 8, \"beta_slow\": 2, \"mscale\": 0.5, \"mscale_all_dim\": 0.8' | 16 | 256"
        + " | 1.0 0.16058913486725895 0.025 0.007905694150420948 0.0025 0.000790569415042095 0.00025 7.905694150420948e-05"
        + " | 0.9625630588045496",
    "'\"rope_type\": \"yarn\", \"rope_theta\": 1000000.0, \"factor\": 2.0, \"original_max_position_embeddings\": 32768,"
        + " \"attention_factor\": 0.9' | 12 | 65536 | 1.0 0.1 0.01 0.00075 5e-05 5e-06 | 0.9",
    "'\"rope_type\": \"yarn\", \"rope_theta\": 100.0, \"factor\": 2.0' | 8 | 100"
        + " | 1.0 0.26352313834736496 0.06666666666666668 0.015811388300841896 | 1.0693147180559945",
  })
  void frequenciesAreThoseOfTransformers(
      String parameters, int headDim, int maxPositions, String frequencies, double amplitude) throws IOException {
    Rotary rotary = read(parameters, headDim, maxPositions);
    double[] expected = Arrays.stream(frequencies.split(" ")).mapToDouble(Double::parseDouble).toArray();
    assertThat(rotary.frequencies(false)).containsExactly(expected, within(1e-14));
    assertThat(rotary.frequencies(true)).containsExactly(expected, within(1e-14));
    assertThat(rotary.scaling().amplitude()).isCloseTo(amplitude, within(1e-14));
  }

  @ParameterizedTest
  @CsvSource({", 1.1832159566199232", "', \"factor\": 8.0', 1.2649110640673518", "', \"attention_factor\": 1.5', 1.5"})
  void longRopeHasTwoSetsOfFrequencies(String more, double amplitude) throws IOException {
    Rotary rotary = read(LONGROPE + (more == null ? "" : more), 8, 128);
    assertThat(rotary.frequencies(false))
        .containsExactly(new double[] {1.0, 0.09090909090909091, 0.008333333333333333, 0.0006666666666666666}, within(1e-15));
    assertThat(rotary.frequencies(true))
        .containsExactly(new double[] {1.0, 0.05, 0.0025, 0.00011111111111111112}, within(1e-15));
    assertThat(rotary.scaling().amplitude()).isCloseTo(amplitude, within(1e-14));
    assertThat(rotary.scaling().boundary()).isEqualTo(32);
  }

  /** A text on either side of the boundary is computed; one that would cross it, or two on both sides, are refused. */
  @Test
  void textsOnBothSidesOfTheBoundaryAreNotMixed() {
    Map<String, Object> config = TinyFamily.config(new Phi3Family());
    config.put("original_max_position_embeddings", 4);
    TinyFamily.write(folder, config, 1);
    int[] below = {1, 5, 6};
    int[] above = {1, 5, 6, 9, 3};
    try (Memory.Scope scope = Memory.scope();
        CausalLm lm = CausalLm.load(CheckpointFolder.open(folder, "tiny"), TestDevice.get(), DataType.FLOAT64)) {
      double[] long5 = lm.forward(new TokenBatch(List.of(above), 0), Hooks.none(), LogitsAt.ALL).toDoubleArray();
      double[] short3 = lm.forward(new TokenBatch(List.of(below), 0), Hooks.none(), LogitsAt.ALL).toDoubleArray();
      assertThat(short3).hasSize(3 * TinyFamily.VOCABULARY);
      double difference = 0;
      for (int i = 0; i < short3.length; i++) {
        difference = Math.max(difference, Math.abs(short3[i] - long5[i]));
      }
      assertThat(difference).as("the same three tokens, alone and in a longer text").isGreaterThan(1e-3);
      TokenBatch both = new TokenBatch(List.of(below, above), 0);
      assertThatThrownBy(() -> lm.forward(both, Hooks.none(), LogitsAt.LAST))
          .isInstanceOf(UserException.class)
          .hasMessageContainingAll("tiny", "more than 4 tokens", "of 3 and of 5 tokens");
      assertThatThrownBy(() -> lm.prefill(new TokenBatch(List.of(below), 0), 2, Hooks.none()))
          .isInstanceOf(UserException.class)
          .hasMessageContainingAll("a text of 3 tokens gets 2 new ones");
      lm.prefill(new TokenBatch(List.of(below), 0), 1, Hooks.none()).cache().close();
    }
  }

  @Test
  void inGemma3ScalingIsOfTheFullLayersAlone() {
    Map<String, Object> config = TinyFamily.config(new Gemma3Family());
    config.put("rope_scaling", Map.of("rope_type", "linear", "factor", 8.0));
    Json.write(folder.resolve("config.json"), config);
    Rotary local = new Rotary(6, 100, RopeScaling.NONE);
    Rotary full = new Rotary(6, 5000, new RopeScaling.Linear(8));
    assertThat(ModelConfig.read(folder, "x").rotaries()).containsExactly(local, full, local);
    config.put("rope_parameters", Map.of("rope_type", "default"));
    Json.write(folder.resolve("config.json"), config);
    assertThatThrownBy(() -> ModelConfig.read(folder, "x"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("rope_parameters.rope_type \"default\" is none of full_attention and sliding_attention");
    config.put("rope_parameters", Map.of("full_attention", Map.of("rope_theta", 7.0)));
    config.remove("rope_scaling");
    Json.write(folder.resolve("config.json"), config);
    assertThat(ModelConfig.read(folder, "x").rotaries())
        .containsExactly(local, new Rotary(6, 7, RopeScaling.NONE), local);
  }

  @Test
  void inPhi3LongRopeHasOlderNamesAndOthersAreRefused() {
    Map<String, Object> config = TinyFamily.config(new Phi3Family());
    Json.write(folder.resolve("config.json"), config);
    List<Rotary> expected = ModelConfig.read(folder, "x").rotaries();
    for (String name : List.of("su", "yarn")) {
      config.put("rope_scaling", Map.of("type", name, "short_factor", List.of(1.0), "long_factor", List.of(3.0)));
      Json.write(folder.resolve("config.json"), config);
      assertThat(ModelConfig.read(folder, "x").rotaries()).as(name).isEqualTo(expected);
    }
    config.put("rope_scaling", Map.of("type", "linear", "factor", 2.0));
    Json.write(folder.resolve("config.json"), config);
    assertThatThrownBy(() -> ModelConfig.read(folder, "x"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("rope_type \"linear\" is not supported: phi3 models");
  }
}
