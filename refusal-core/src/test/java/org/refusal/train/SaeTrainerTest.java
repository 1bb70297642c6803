package org.refusal.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.activation.ActivationStore;
import org.refusal.activation.ActivationWriter;
import org.refusal.activation.CapturedPrompt;
import org.refusal.activation.StoredPrompt;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.DType;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SaeMetrics;
import org.refusal.torch.Devices;
import org.refusal.torch.TestDevice;

class SaeTrainerTest {
  private static final HookPoint AT = HookPoint.residuals(3);
  private static final int TOKENS_PER_PROMPT = 20;

  @TempDir Path folder;

  private static SaeOptions options(int dSae, int k, int batch, long steps, double rate, long windowBytes, int every) {
    return options(dSae, k, batch, steps, rate, windowBytes, every, 0);
  }

  private static SaeOptions options(
      int dSae, int k, int batch, long steps, double rate, long windowBytes, int every, int patience) {
    return new SaeOptions(
        dSae, k, 0, 10_000, 10, 1000, batch, 0, steps, false, false, rate, windowBytes, every, patience, 42);
  }

  /** Writes rows as prompts of 20 tokens in several shards and opens them. */
  private ActivationStore store(float[] rows, int width) {
    return store("toy", rows, width, AT);
  }

  private ActivationStore store(String stem, float[] rows, int width, HookPoint... points) {
    ActivationWriter writer =
        ActivationWriter.open(
            folder.resolve("activations"),
            folder.resolve(".work"),
            stem,
            new ActivationWriter.Layout(List.of(points), width, DType.F32, Map.of(), rows.length * 4 / 5));
    int prompts = rows.length / width / TOKENS_PER_PROMPT;
    int[] positions = new int[TOKENS_PER_PROMPT];
    Arrays.setAll(positions, t -> t);
    for (int p = 0; p < prompts; p++) {
      int size = TOKENS_PER_PROMPT * width;
      float[] part = Arrays.copyOfRange(rows, p * size, (p + 1) * size);
      Map<HookPoint, ByteBuffer> captured = new HashMap<>();
      for (HookPoint point : points) {
        captured.put(point, Safetensors.encode(part, DType.F32));
        for (int i = 0; i < part.length; i++) {
          part[i] = 2 - part[i]; // every further hook point has values of its own
        }
      }
      writer.add(new CapturedPrompt(p, positions, positions, positions, captured, new float[1], new int[0]));
    }
    writer.finish(List.of());
    return ActivationStore.open(folder.resolve("activations"), Map.of("hate", stem));
  }

  private static SaeData data(ActivationStore store, int heldOut) {
    List<TrainingPrompt> train = new ArrayList<>();
    List<TrainingPrompt> rest = new ArrayList<>();
    for (StoredPrompt prompt : store.prompts()) {
      (prompt.promptIndex() < heldOut ? rest : train)
          .add(new TrainingPrompt(prompt, prompt.promptIndex() % 2 == 0));
    }
    return new SaeData(train, rest, Map.of());
  }

  private SaeTrainer.Result train(ActivationStore store, SaeOptions options, String work, Progress progress) {
    try (NDManager manager = Devices.manager(TestDevice.get()).newSubManager()) {
      return new SaeTrainer(store, data(store, 10), options, manager, 2, folder.resolve(work), progress)
          .train(AT, "toy", true);
    }
  }

  @Test
  void recoversAPlantedDictionary() {
    PlantedActivations planted = PlantedActivations.random(32, 128, 4, .02, 11);
    float[] rows = planted.sample(12_000, 1);
    for (int i = 0; i < rows.length; i++) {
      rows[i] *= 7;
    }
    try (ActivationStore store = store(rows, 32)) {
      long start = System.nanoTime();
      SaeTrainer.Result result =
          train(store, options(128, 4, 256, 2500, 6e-3, 1 << 30, 500), "w", Progress.none());
      SaeMetrics heldOut = result.history().heldOut();
      double cosine = planted.meanMaxCosine(result.checkpoint().weights());
      System.out.printf(
          "planted 128 in 32: mean max cosine %.4f, %s, %.1f s%n", cosine, heldOut, (System.nanoTime() - start) / 1e9);
      assertThat(cosine).isGreaterThan(.95);
      assertThat(result.history().train().deadShare()).isLessThanOrEqualTo(.01);
      assertThat(heldOut.fvu()).isLessThan(.2);
      assertThat(heldOut.explainedVariance()).isEqualTo(1 - heldOut.fvu());
      assertThat(heldOut.tokens()).isEqualTo(200);
      assertThat(result.history().points()).hasSize(209);
      assertThat(result.history().points().get(199).fvu()).isLessThan(result.history().points().get(0).fvu());
    }
  }

  @Test
  void killedAndResumedEndsInTheSameBytes() {
    float[] rows = PlantedActivations.random(12, 30, 3, .05, 5).sample(800, 1);
    try (ActivationStore store = store(rows, 12)) {
      SaeOptions options = options(32, 3, 48, 60, 3e-3, 1 << 30, 7);
      SaeTrainer.Result whole = train(store, options, "undisturbed", Progress.none());
      assertThatThrownBy(() -> train(store, options, "killed", diesAfter(38))).hasMessage("killed");
      assertThat(folder.resolve("killed/sae-residuals_3.state.safetensors")).exists();
      SaeTrainer.Result resumed = train(store, options, "killed", Progress.none());
      assertThat(resumed.checkpoint()).usingRecursiveComparison().isEqualTo(whole.checkpoint());
      assertThat(resumed.history()).usingRecursiveComparison().isEqualTo(whole.history());
    }
  }

  private static Progress diesAfter(int steps) {
    return new Progress() {
      @Override
      public Task task(String name, long total) {
        Task none = Progress.none().task(name, total);
        return new Task() {
          private long done;

          @Override
          public void advance(long count) {
            done += count;
            if (done >= steps) {
              throw new IllegalStateException("killed");
            }
          }

          @Override
          public void figure(String text) {
            none.figure(text);
          }

          @Override
          public void close() {
            none.close();
          }
        };
      }

      @Override
      public void note(String line) {}
    };
  }

  @Test
  void hookPointsTrainedSideBySideAreTrainedAsAlone() {
    HookPoint second = HookPoint.residuals(5);
    HookPoint third = HookPoint.mlp(5);
    float[] rows = PlantedActivations.random(12, 30, 3, .05, 5).sample(800, 1);
    try (ActivationStore store = store("several", rows, 12, AT, second, third);
        NDManager manager = Devices.manager(TestDevice.get()).newSubManager()) {
      SaeOptions options = options(32, 3, 48, 40, 3e-3, 12 * 4 * 260, 7);
      List<HookPoint> points = List.of(AT, second, third);
      SaeTrainer together =
          new SaeTrainer(store, data(store, 10), options, manager, 2, folder.resolve("together"), Progress.none());
      assertThatThrownBy(
              () ->
                  new SaeTrainer(
                          store, data(store, 10), options, manager, 2, folder.resolve("together"), diesAfter(30))
                      .train(points, 2, "toy", true, (at, result) -> {}))
          .hasMessage("killed");
      assertThat(folder.resolve("together/sae-residuals_3.state.safetensors")).exists();
      assertThat(folder.resolve("together/sae-residuals_5.state.safetensors")).exists();
      Map<HookPoint, SaeTrainer.Result> results = new LinkedHashMap<>();
      together.train(points, 2, "toy", true, results::put);
      assertThat(results.keySet()).containsExactlyElementsOf(points);
      for (HookPoint point : points) {
        SaeTrainer.Result alone =
            new SaeTrainer(store, data(store, 10), options, manager, 2, folder.resolve("alone"), Progress.none())
                .train(point, "toy", true);
        assertThat(results.get(point).checkpoint()).usingRecursiveComparison().isEqualTo(alone.checkpoint());
        assertThat(results.get(point).history()).usingRecursiveComparison().isEqualTo(alone.history());
      }
    }
  }

  /** Weights of 7B models are gigabytes each: a result that was taken is held by nobody. */
  @Test
  void noResultIsHeldOnceItWasTaken() {
    List<HookPoint> points = List.of(AT, HookPoint.residuals(5), HookPoint.mlp(5), HookPoint.residuals(6));
    float[] rows = PlantedActivations.random(12, 30, 3, .05, 5).sample(800, 1);
    try (ActivationStore store = store("taken", rows, 12, points.toArray(HookPoint[]::new));
        NDManager manager = Devices.manager(TestDevice.get()).newSubManager()) {
      List<WeakReference<SaeCheckpoint>> taken = new ArrayList<>();
      new SaeTrainer(
              store, data(store, 10), options(32, 3, 48, 40, 3e-3, 12 * 4 * 260, 7), manager, 1,
              folder.resolve("taken-work"), Progress.none())
          .train(
              points, 2, "toy", true,
              (at, result) -> {
                System.gc();
                assertThat(taken).as("results held at " + at).allMatch(each -> each.get() == null);
                taken.add(new WeakReference<>(result.checkpoint()));
              });
      assertThat(taken).hasSize(4);
    }
  }

  @Test
  void stopsEarlyWhenTheFvuStallsAlsoAfterAnInterruption() {
    float[] rows = PlantedActivations.random(12, 30, 3, .05, 5).sample(800, 1);
    try (ActivationStore store = store(rows, 12)) {
      SaeOptions options = options(32, 3, 48, 2000, 3e-2, 1 << 30, 7, 3);
      SaeTrainer.Result whole = train(store, options, "early", Progress.none());
      List<TrainingHistory.Point> points = whole.history().points();
      long stopped = whole.history().steps();
      assertThat(stopped).isLessThan(2000).isEqualTo(points.get(points.size() - 1).step());
      double[] fvu = points.stream().mapToDouble(TrainingHistory.Point::fvu).toArray();
      int n = fvu.length;
      double best = Arrays.stream(fvu, 0, n - 3).min().orElseThrow();
      assertThat(Arrays.stream(fvu, n - 3, n).min().orElseThrow()).isGreaterThanOrEqualTo(best);
      assertThat(fvu[n - 4]).as("the best before").isEqualTo(best);
      assertThatThrownBy(() -> train(store, options, "early killed", diesAfter((int) stopped - 2))).hasMessage("killed");
      SaeTrainer.Result resumed = train(store, options, "early killed", Progress.none());
      assertThat(resumed.checkpoint()).usingRecursiveComparison().isEqualTo(whole.checkpoint());
      assertThat(train(store, options, "early", diesAfter(1)).history().steps()).isEqualTo(stopped);
    }
  }

  @Test
  void aFinishedHookPointIsNotTrainedAgain() {
    float[] rows = PlantedActivations.random(12, 30, 3, .05, 5).sample(800, 1);
    try (ActivationStore store = store(rows, 12)) {
      SaeOptions options = options(32, 3, 48, 10, 3e-3, 1 << 30, 100);
      SaeTrainer.Result first = train(store, options, "done", Progress.none());
      SaeTrainer.Result again = train(store, options, "done", diesAfter(1));
      assertThat(again.checkpoint()).usingRecursiveComparison().isEqualTo(first.checkpoint());
    }
  }

  @Test
  void everyTokenIsTrainedOnInEveryEpoch() {
    float[] rows = PlantedActivations.random(12, 30, 3, .05, 5).sample(800, 1);
    try (ActivationStore store = store(rows, 12)) {
      SaeOptions options =
          new SaeOptions(32, 3, 0, 10_000, 10, 3, 48, 0, 0, false, false, 3e-3, 12 * 4 * 130, 100, 0, 42);
      SaeData data = data(store, 10);
      List<StoredPrompt> prompts = SaeData.stored(data.train());
      List<int[]> eligible = new ArrayList<>();
      for (int p = 0; p < prompts.size(); p++) {
        int first = p * TOKENS_PER_PROMPT;
        eligible.add(java.util.stream.IntStream.range(first, first + TOKENS_PER_PROMPT).toArray());
      }
      long steps = train(store, options, "epochs", Progress.none()).history().steps();
      assertThat(steps).as("600 tokens, 3 epochs, batches of 48").isEqualTo(38);
      BatchSource source =
          new BatchSource(store, AT, prompts, new TokenStream(data, eligible, options), 12 * 4 * 130, 48, steps, 1);
      Map<Float, Integer> seen = new HashMap<>();
      for (long step = 0; step < steps; step++) {
        float[] batch = source.batch(step);
        for (int t = 0; t < 48; t++) {
          seen.merge(batch[t * 12], 1, Integer::sum); // the first value of a row is its own
        }
      }
      assertThat(seen).hasSize(600);
      assertThat(seen.values()).allMatch(count -> count == 3 || count == 4);
      assertThat(seen.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(38 * 48);
    }
  }

  @Test
  void windowDoesNotChangeTheResult() {
    float[] rows = PlantedActivations.random(12, 30, 3, .05, 5).sample(800, 1);
    try (ActivationStore store = store(rows, 12)) {
      SaeTrainer.Result resident = train(store, options(32, 3, 48, 40, 3e-3, 1 << 30, 100), "a", Progress.none());
      SaeTrainer.Result streamed = train(store, options(32, 3, 48, 40, 3e-3, 12 * 4 * 130, 100), "b", Progress.none());
      assertThat(streamed.checkpoint()).usingRecursiveComparison().isEqualTo(resident.checkpoint());
      assertThat(streamed.history().points()).isEqualTo(resident.history().points());
    }
  }

  @Test
  void sinksAreLeftOutAndReported() {
    PlantedActivations planted = PlantedActivations.random(12, 30, 3, .05, 5);
    float[] rows = planted.sample(800, 1);
    for (int p = 0; p < 20; p++) {
      Kernels.scale(rows, p * TOKENS_PER_PROMPT * 12, 12, 500);
    }
    try (ActivationStore store = store(rows, 12)) {
      TrainingHistory history =
          train(store, options(32, 3, 48, 10, 3e-3, 1 << 30, 100), "s", Progress.none()).history();
      assertThat(history.sinks().sinks()).isEqualTo(10);
      assertThat(history.sinks().positions()).containsExactly(Map.entry(0, 10L));
      assertThat(history.trainingTokens()).isEqualTo(30 * 20 - 10);
      assertThat(history.heldOut().tokens()).isEqualTo(10 * 20 - 10);
      assertThat(history.warnings()).anyMatch(line -> line.contains("10 of 600 tokens are attention sinks"));
      double squares = 0;
      for (int p = 10; p < 40; p++) {
        for (int t = 0; t < TOKENS_PER_PROMPT; t++) {
          int row = p * TOKENS_PER_PROMPT + t;
          if (p >= 20 || t > 0) {
            squares += Kernels.squares(rows, row * 12, 12);
          }
        }
      }
      assertThat(history.inputScale()).isCloseTo(Math.sqrt(12 / (squares / 590)), within(1e-9));
      history.write(folder.resolve("training_history.json"));
      assertThat(folder.resolve("training_history.json")).exists();
    }
  }

  @Test
  void tooFewTokensAreAWarningWithTheRatio() {
    float[] rows = PlantedActivations.random(12, 30, 3, .05, 5).sample(400, 1);
    try (ActivationStore store = store(rows, 12)) {
      assertThat(
              train(store, options(400, 3, 48, 3, 3e-3, 1 << 30, 100), "t", Progress.none()).history().warnings())
          .anyMatch(line -> line.contains("only 0.50 training tokens per latent (200 for 400)"));
    }
  }

  @Test
  void lossThatIsNotFiniteAndConstantInputAreErrors() {
    float[] rows = new float[800 * 12];
    Arrays.fill(rows, 1);
    try (ActivationStore store = store(rows, 12)) {
      assertThatThrownBy(() -> train(store, options(32, 3, 48, 10, 3e-3, 1 << 30, 100), "c", Progress.none()))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("residuals_3: the loss is NaN at step 1");
    }
  }

  @Test
  void optionsAreChecked() {
    assertThatThrownBy(() -> options(8, 9, 48, 10, 3e-3, 1, 1))
        .isInstanceOf(UserException.class)
        .hasMessage("sae.k: 9 is larger than sae.hidden_dim 8");
    assertThatThrownBy(() -> options(8, 2, 48, 10, -1, 1, 1))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("training.learning_rate: -1.0");
    assertThat(SaeOptions.automaticLearningRate(16384)).isEqualTo(2e-4);
    SaeOptions options = options(8, 2, 48, 10, .01, 1, 1);
    assertThat(options.learningRateAt(0, 100)).isCloseTo(.002, within(1e-12));
    assertThat(options.learningRateAt(50, 100)).isEqualTo(.01);
    assertThat(options.learningRateAt(90, 100)).isCloseTo(.005, within(1e-12));
  }

  @Test
  void geometricMedianByHand() {
    float[] median = GeometricMedian.of(new float[] {-1, 0, 1, 0, 0, 1, 0, -1, 3, 3}, 2);
    double best = distances(median[0], median[1]);
    for (double dx : new double[] {-.01, 0, .01}) {
      for (double dy : new double[] {-.01, 0, .01}) {
        assertThat(distances(median[0] + dx, median[1] + dy)).isGreaterThanOrEqualTo(best - 1e-5);
      }
    }
  }

  private static double distances(double x, double y) {
    return Math.hypot(x + 1, y) + Math.hypot(x - 1, y) + Math.hypot(x, y - 1) + Math.hypot(x, y + 1)
        + Math.hypot(x - 3, y - 3);
  }

  /** 512 directions in 128 dimensions, 8 active, noise; the oracle is the true dictionary itself. */
  @Tag("slow")
  @Test
  void recoversALargePlantedDictionary() {
    PlantedActivations planted = PlantedActivations.random(128, 512, 8, .02, 12);
    float[] rows = planted.sample(240_000, 1);
    int heldOut = 200;
    try (ActivationStore store = store(rows, 128);
        NDManager manager = Devices.manager(TestDevice.get()).newSubManager()) {
      long start = System.nanoTime();
      SaeOptions options = options(512, 8, 512, 3000, 3e-3, 1 << 30, 5000);
      SaeTrainer.Result result =
          new SaeTrainer(store, data(store, heldOut), options, manager, 2, folder.resolve("l"), Progress.none())
              .train(AT, "toy", true);
      double cosine = planted.meanMaxCosine(result.checkpoint().weights());
      SaeMetrics unseen = result.history().heldOut();
      double oracle = planted.oracleFvu(rows, heldOut * TOKENS_PER_PROMPT);
      System.out.printf(
          "planted 512 in 128: mean max cosine %.4f, oracle FVU %.4f, train %s, held out %s, %.1f s%n",
          cosine, oracle, result.history().train(), unseen, (System.nanoTime() - start) / 1e9);
      assertThat(cosine).isGreaterThan(.95);
      assertThat(result.history().train().deadShare()).isLessThanOrEqualTo(.01);
      assertThat(unseen.fvu()).as("FVU of the oracle on the same tokens: %s", oracle).isLessThan(1.05 * oracle);
      List<TrainingHistory.Point> points = result.history().points();
      assertThat(points.get(points.size() - 1).deadShare()).isLessThanOrEqualTo(.01);
    }
  }
}
