package org.refusal.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.refusal.base.Workers;
import org.refusal.sae.SaeWeights;
import org.refusal.torch.Devices;
import org.refusal.torch.TestDevice;

class SparseTrainingStepTest {
  private static final int WIDTH = 17;
  private static final int LATENTS = 61;
  private static final int TOKENS = 48;

  private static SaeState start(PlantedActivations planted, long seed) {
    return SaeState.initial(LATENTS, Arrays.copyOf(planted.sample(1, seed), WIDTH), seed);
  }

  /** Either step, begun at a state: {@link DeviceTrainingStep} runs on a CPU too, and on a GPU where the tests have one. */
  private interface Steps {
    TrainingStep begin(SaeState state, int k, double lambda, long deadAfter, Workers parallel, NDManager manager);
  }

  @ParameterizedTest(name = "k {0}, lambda {1}, dead after {2}, seed {3}")
  @CsvSource({"4, 0, 1000000, 1", "4, 0.5, 200, 2", "3, 0, 96, 3", "2, 0.1, 144, 6", "61, 0, 1000000, 4"})
  void trajectoryIsThatOfDenseAutograd(int k, double lambda, long deadAfter, long seed) {
    follows(
        (state, slots, coeff, dead, parallel, manager) ->
            new SparseTrainingStep(state, SparseTrainingStep.Rules.TOP_K, slots, coeff, dead, parallel, manager),
        k, lambda, deadAfter, seed);
  }

  @ParameterizedTest(name = "k {0}, lambda {1}, dead after {2}, seed {3}, sparse {4}")
  @CsvSource({
    "4, 0, 1000000, 1, false", "4, 0.5, 200, 2, false", "3, 0, 96, 3, false", "2, 0.1, 144, 6, false",
    "61, 0, 1000000, 4, false", "4, 0, 1000000, 1, true", "4, 0.5, 200, 2, true", "3, 0, 96, 3, true",
    "2, 0.1, 144, 6, true", "61, 0, 1000000, 4, true"
  })
  void trajectoryOnTheDeviceIsThatOfDenseAutograd(int k, double lambda, long deadAfter, long seed, boolean sparse) {
    follows(
        (state, slots, coeff, dead, parallel, manager) ->
            new DeviceTrainingStep(state, slots, coeff, dead, sparse, Devices.manager(TestDevice.get())),
        k, lambda, deadAfter, seed);
  }

  private static void follows(Steps steps, int k, double lambda, long deadAfter, long seed) {
    PlantedActivations planted = PlantedActivations.random(WIDTH, 40, 3, .02, seed);
    SaeState state = start(planted, seed);
    double auxSeen = 0;
    try (NDManager manager = NDManager.newBaseManager(Device.cpu());
        Workers parallel = new Workers(2);
        DenseAutogradStep dense =
            new DenseAutogradStep(manager, state.weights(k), lambda, deadAfter, DataType.FLOAT64);
        TrainingStep tested = steps.begin(state, k, lambda, deadAfter, parallel, manager)) {
      for (int step = 0; step < 60; step++) {
        float[] x = planted.sample(TOKENS, 100 * seed + step);
        TrainingStep.Outcome found = tested.run(x, TOKENS, 3e-3);
        double[] expected = dense.run(x, TOKENS, 3e-3);
        assertThat(found.loss()).as("loss at step %d", step).isCloseTo(expected[0], within(1e-4 * expected[0]));
        assertThat(found.fvu()).as("FVU at step %d", step).isCloseTo(expected[1], within(1e-4 * expected[1]));
        assertThat(found.auxFvu()).as("aux at step %d", step).isCloseTo(expected[2], within(1e-3 * expected[2] + 1e-9));
        auxSeen += found.auxFvu();
      }
      assertThat(auxSeen > 0).isEqualTo(deadAfter < 1000);
      tested.store(false);
      close(state.weights(k).wEnc(), dense.weights().wEnc());
      close(state.weights(k).wDec(), dense.weights().wDec());
      close(state.weights(k).bEnc(), dense.weights().bEnc());
      close(state.weights(k).bDec(), dense.weights().bDec());
    }
  }

  private static void close(float[] found, float[] expected) {
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) found[i]).as("element %d", i).isCloseTo(expected[i], within(1e-4));
    }
  }

  @Test
  void numberOfThreadsChangesNothing() {
    PlantedActivations planted = PlantedActivations.random(WIDTH, 40, 3, .02, 9);
    SaeState one = start(planted, 9);
    SaeState three = start(planted, 9);
    try (NDManager manager = NDManager.newBaseManager(Device.cpu());
        Workers single = new Workers(1);
        Workers triple = new Workers(3)) {
      SparseTrainingStep alone = new SparseTrainingStep(one, SparseTrainingStep.Rules.TOP_K, 4, 0, 96, single, manager);
      SparseTrainingStep together = new SparseTrainingStep(three, SparseTrainingStep.Rules.TOP_K, 4, 0, 96, triple, manager);
      for (int step = 0; step < 20; step++) {
        float[] x = planted.sample(TOKENS, step);
        assertThat(together.run(x, TOKENS, 1e-2)).isEqualTo(alone.run(x, TOKENS, 1e-2));
      }
      assertThat(three.weights(4)).usingRecursiveComparison().isEqualTo(one.weights(4));
    }
  }

  @Test
  void decoderRowsStayOnTheUnitSphere() {
    PlantedActivations planted = PlantedActivations.random(WIDTH, 40, 3, .02, 5);
    SaeState state = start(planted, 5);
    try (NDManager manager = NDManager.newBaseManager(Device.cpu());
        Workers parallel = new Workers(1)) {
      SparseTrainingStep sparse = new SparseTrainingStep(state, SparseTrainingStep.Rules.TOP_K, 4, 0, 96, parallel, manager);
      for (int step = 0; step < 10; step++) {
        sparse.run(planted.sample(TOKENS, step), TOKENS, 1e-2);
      }
      for (int i = 0; i < LATENTS; i++) {
        assertThat(Kernels.squares(state.decoder.value, i * WIDTH, WIDTH)).isCloseTo(1, within(1e-6));
      }
    }
  }

  @Test
  void topPositiveKeepsTheLargestAndOfEqualOnesTheFirst() {
    float[] values = {9, 9, 3, -1, 5, 0, 5, 5, 7};
    int[] indices = new int[5];
    float[] chosen = new float[5];
    assertThat(Kernels.topPositive(values, 2, null, 7, 3, indices, chosen, 1)).isEqualTo(3);
    int[] sorted = Arrays.copyOfRange(indices, 1, 4);
    Arrays.sort(sorted);
    assertThat(sorted).containsExactly(2, 4, 6);
    assertThat(Kernels.topPositive(values, 2, new int[] {0, 1, 3}, 3, 3, indices, chosen, 0)).isEqualTo(1);
    assertThat(indices[0]).isZero();
  }

  @Test
  void topPositiveIsTheHeadOfTheSortedOrder() {
    java.util.Random random = new java.util.Random(4);
    for (int trial = 0; trial < 200; trial++) {
      int n = 1 + random.nextInt(300);
      int k = 1 + random.nextInt(n);
      float[] values = new float[n];
      for (int i = 0; i < n; i++) { // many ties, zeros, tiny and huge values
        values[i] = random.nextInt(3) == 0 ? random.nextInt(5) - 2 : (float) (random.nextGaussian() * Math.pow(10, random.nextInt(80) - 45));
      }
      int[] expected =
          java.util.stream.IntStream.range(0, n)
              .filter(i -> values[i] > 0)
              .boxed()
              .sorted(java.util.Comparator.<Integer>comparingDouble(i -> -values[i]).thenComparingInt(i -> i))
              .limit(k)
              .mapToInt(Integer::intValue)
              .sorted()
              .toArray();
      int[] indices = new int[k];
      float[] chosen = new float[k];
      int found = Kernels.topPositive(values, 0, null, n, k, indices, chosen, 0);
      assertThat(Arrays.copyOf(indices, found)).as("trial %d", trial).containsExactly(expected);
      for (int j = 0; j < found; j++) {
        assertThat(chosen[j]).isEqualTo(values[indices[j]]);
      }
    }
  }

  @Test
  void aStoredStateGoesOnBitForBit() {
    PlantedActivations planted = PlantedActivations.random(WIDTH, 40, 3, .02, 8);
    SaeState straight = start(planted, 8);
    SaeState interrupted = start(planted, 8);
    NDManager manager = Devices.manager(TestDevice.get());
    try (TrainingStep step = new DeviceTrainingStep(straight, 4, .1, 96, manager)) {
      steps(step, planted, 0, 20);
      step.store(false);
    }
    for (int from = 0; from < 20; from += 5) {
      try (TrainingStep step = new DeviceTrainingStep(interrupted, 4, .1, 96, manager)) {
        steps(step, planted, from, from + 5);
        step.store(false);
      }
    }
    assertThat(interrupted).usingRecursiveComparison().isEqualTo(straight);
  }

  @Test
  void aLossThatIsNotFiniteLeavesTheWeights() {
    PlantedActivations planted = PlantedActivations.random(WIDTH, 40, 3, .02, 8);
    SaeState state = start(planted, 8);
    try (TrainingStep step = new DeviceTrainingStep(state, 4, 0, 96, Devices.manager(TestDevice.get()))) {
      steps(step, planted, 0, 3);
      step.store(false);
      SaeWeights before = state.weights(4);
      float[] broken = planted.sample(TOKENS, 3);
      broken[5] = Float.NaN;
      TrainingStep.Outcome outcome = step.run(broken, TOKENS, 1e-2);
      assertThat(outcome.loss()).isNaN();
      assertThat(outcome.gradientNorm()).isNaN();
      assertThat(state.step).isEqualTo(3);
      step.store(false);
      assertThat(state.weights(4)).usingRecursiveComparison().isEqualTo(before);
    }
  }

  private static void steps(TrainingStep step, PlantedActivations planted, int from, int to) {
    for (int i = from; i < to; i++) {
      step.run(planted.sample(TOKENS, i), TOKENS, 1e-2);
    }
  }
}
