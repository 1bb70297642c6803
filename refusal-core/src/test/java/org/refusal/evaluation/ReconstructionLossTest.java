package org.refusal.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.DataType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedModel;
import org.refusal.demo.PlantedSpec;
import org.refusal.model.CausalLm;
import org.refusal.model.CheckpointFolder;
import org.refusal.model.Generator;
import org.refusal.model.Hooks;
import org.refusal.model.TokenBatch;
import org.refusal.model.TokenProbabilities;
import org.refusal.sae.SaeWeights;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.sae.TensorAutoencoder;
import org.refusal.subject.SinkThresholds;
import org.refusal.torch.TestDevice;

class ReconstructionLossTest {
  private static final HookPoint EARLY = HookPoint.residuals(1);
  private static final HookPoint LATE = HookPoint.residuals(3);
  private static final List<int[]> PROMPTS =
      List.of(new int[] {1, 9, 12, 40, 33}, new int[] {1, 17, 5}, new int[] {1, 30, 31, 32, 33, 34, 35, 36});
  private static final int ANSWER = 12;

  @TempDir static Path folder;
  private static CausalLm lm;

  /** The model's own answers follow the prompts, so that its cross-entropy is low. */
  private static List<int[]> texts;

  @BeforeAll
  static void load() {
    PlantedModel.write(PlantedSpec.of(PlantedKind.MODULAR, 3), folder);
    lm = CausalLm.load(CheckpointFolder.open(folder, "planted"), TestDevice.get(), DataType.FLOAT32);
    List<int[]> answers = new Generator(lm, List.of()).generate(new TokenBatch(PROMPTS, 0), ANSWER, Hooks.none()).ids();
    texts = new ArrayList<>();
    for (int i = 0; i < PROMPTS.size(); i++) {
      int length = PROMPTS.get(i).length;
      int[] text = Arrays.copyOf(PROMPTS.get(i), length + ANSWER);
      System.arraycopy(answers.get(i), 0, text, length, ANSWER);
      texts.add(text);
    }
  }

  @AfterAll
  static void close() {
    lm.close();
  }

  /** Latents x_i and -x_i: nothing is lost at gain 1, everything at gain 0. */
  private static SparseAutoencoder halves(float gain) {
    int d = lm.config().dModel();
    float[] encoder = new float[2 * d * d];
    float[] decoder = new float[2 * d * d];
    for (int i = 0; i < d; i++) {
      encoder[i * 2 * d + i] = 1;
      encoder[i * 2 * d + d + i] = -1;
      decoder[i * d + i] = gain;
      decoder[(d + i) * d + i] = -gain;
    }
    return TensorAutoencoder.of(
        new SaeWeights(d, 2 * d, 2 * d, encoder, new float[2 * d], decoder, new float[d]), lm.manager(),
        DataType.FLOAT32);
  }

  @Test
  void perfectReconstructionLosesNothingAndZeroLosesAll() {
    try (SparseAutoencoder perfect = halves(1);
        SparseAutoencoder nothing = halves(0)) {
      Map<HookPoint, ReconstructionLoss> losses =
          ReconstructionLoss.measure(lm, 0, Map.of(EARLY, perfect, LATE, nothing), SinkThresholds.none(), texts, 2);
      ReconstructionLoss good = losses.get(EARLY);
      assertThat(good.ceScore()).isCloseTo(1, within(1e-4));
      assertThat(good.kl()).isCloseTo(0, within(1e-5));
      assertThat(good.crossEntropySae()).isCloseTo(good.crossEntropy(), within(1e-4));
      assertThat(good.tokens()).isEqualTo(16 + 3 * ANSWER);
      assertThat(good.prompts()).isEqualTo(3);
      ReconstructionLoss bad = losses.get(LATE);
      assertThat(bad.crossEntropySae()).isCloseTo(bad.crossEntropyZero(), within(1e-5));
      assertThat(bad.kl()).isGreaterThan(.1);
      assertThat(bad.ceScore()).isCloseTo(0, within(1e-4));
      double sum = 0;
      for (double[] row : TokenProbabilities.of(lm, new TokenBatch(texts, 0), Hooks.none())) {
        for (double logarithm : row) {
          sum -= logarithm;
        }
      }
      assertThat(good.crossEntropy()).as("mean over the predicted tokens").isCloseTo(sum / (13 + 3 * ANSWER), within(1e-5));
    }
  }

  /** Positions are compared some at a time: the second of these texts has one position beyond. */
  @Test
  void longTextsLoseAsMuchAsTheirPartsTogether() {
    List<int[]> longer = new ArrayList<>();
    for (int length : new int[] {64, 65, 100}) {
      int[] text = new int[length];
      Arrays.setAll(text, t -> t == 0 ? 1 : 5 + (t * 7) % 40);
      longer.add(text);
    }
    try (SparseAutoencoder perfect = halves(1)) {
      ReconstructionLoss loss =
          ReconstructionLoss.measure(lm, 0, Map.of(EARLY, perfect), SinkThresholds.none(), longer, 3).get(EARLY);
      double sum = 0;
      for (double[] row : TokenProbabilities.of(lm, new TokenBatch(longer, 0), Hooks.none())) {
        for (double logarithm : row) {
          sum -= logarithm;
        }
      }
      assertThat(loss.tokens()).isEqualTo(64 + 65 + 100);
      assertThat(loss.crossEntropy()).isCloseTo(sum / (63 + 64 + 99), within(1e-5));
      assertThat(loss.crossEntropySae()).isCloseTo(loss.crossEntropy(), within(1e-4));
    }
  }

  @Test
  void sinksAreLeftAlone() {
    try (SparseAutoencoder nothing = halves(0)) {
      ReconstructionLoss all =
          ReconstructionLoss.measure(
                  lm, 0, Map.of(LATE, nothing), new SinkThresholds(Map.of(LATE, 0.0)), texts, 8)
              .get(LATE);
      assertThat(all.kl()).as("every token is a sink").isCloseTo(0, within(1e-6));
      assertThat(all.ceScore()).as("zeroing changes nothing").isNaN();
    }
  }

  @Test
  void batchSizeChangesNothing() {
    try (SparseAutoencoder half = halves(.5f)) {
      ReconstructionLoss one =
          ReconstructionLoss.measure(lm, 0, Map.of(LATE, half), SinkThresholds.none(), texts, 1).get(LATE);
      ReconstructionLoss three =
          ReconstructionLoss.measure(lm, 0, Map.of(LATE, half), SinkThresholds.none(), texts, 3).get(LATE);
      assertThat(three.kl()).isCloseTo(one.kl(), within(1e-5));
      assertThat(three.crossEntropySae()).isCloseTo(one.crossEntropySae(), within(1e-5));
    }
  }

  @Test
  void aTextNeedsANextToken() {
    assertThatThrownBy(
            () -> ReconstructionLoss.measure(lm, 0, Map.of(), SinkThresholds.none(), List.of(new int[] {1}), 1))
        .isInstanceOf(UserException.class)
        .hasMessage("cross-entropy needs texts of at least 2 tokens");
  }
}
