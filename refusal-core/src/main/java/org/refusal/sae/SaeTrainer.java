package org.refusal.sae;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.refusal.activation.ActivationStore;
import org.refusal.activation.Sinks;
import org.refusal.activation.StoredPrompt;
import org.refusal.base.AtomicFiles;
import org.refusal.base.Progress;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;
import org.refusal.torch.TorchRuntime;

/**
 * Trains one top-k autoencoder on the activations of one hook point (METHODS 2a and 3; Gao et al. 2024): sinks left out,
 * inputs scaled to mean squared norm d_in, b_dec begun at the geometric median of a sample, then steps as
 * {@link SparseTrainingStep} says. Killed and started again with the same work folder, it goes on from the last
 * checkpoint and ends in the same bytes.
 */
public final class SaeTrainer {
  /** Fewer training tokens per latent than this are worth a warning. */
  static final double TOKENS_PER_LATENT = 5;

  private static final int MEDIAN_SAMPLE = 2048;
  private static final int HISTORY_POINTS = 200;

  /** Multiplications in a dense product below which a second thread costs more than it brings. */
  private static final long SMALL_PRODUCT = 100_000_000;

  /** The trained autoencoder, input scale folded in, and how it came about. */
  public record Result(SaeCheckpoint checkpoint, TrainingHistory history) {}

  private final ActivationStore store;
  private final SaeData data;
  private final SaeOptions options;
  private final NDManager manager;
  private final int threads;
  private final Path work;
  private final Progress progress;

  /**
   * @param manager on a CPU device
   * @param threads of the sparse kernels; libtorch has its own setting
   * @param work folder for checkpoints, bound to data and options by the caller
   */
  public SaeTrainer(
      ActivationStore store, SaeData data, SaeOptions options, NDManager manager, int threads, Path work,
      Progress progress) {
    this.store = store;
    this.data = data;
    this.options = options;
    this.manager = manager;
    this.threads = threads;
    this.work = work;
    this.progress = progress;
  }

  /** Time grows with steps x (batch d_in d_sae); memory with d_in d_sae, the window and a few bytes per token. */
  public Result train(HookPoint at, String modelName, boolean prependBos) {
    List<StoredPrompt> prompts = SaeData.stored(data.train());
    Sinks sinks = Sinks.find(store, at, prompts, options.sinkFactor());
    List<int[]> eligible = new ArrayList<>();
    double meanSquare = eligibleRows(at, prompts, sinks, eligible);
    int width = store.dModel();
    double scale = Math.sqrt(width / meanSquare);

    TokenStream stream = new TokenStream(data, eligible, options);
    long trainingTokens = stream.epochLength();
    int batch = (int) Math.min(options.batchSize(), trainingTokens);
    long steps = Math.max(1, Math.multiplyExact(trainingTokens, (long) options.epochs()) / batch);
    if (options.maxSteps() > 0) {
      steps = Math.min(steps, options.maxSteps());
    }
    List<String> warnings = warnings(at, sinks, trainingTokens);
    warnings.forEach(progress::note);

    int sample = (int) Math.min(MEDIAN_SAMPLE, trainingTokens);
    float[] first =
        new BatchSource(store, at, prompts, stream, options, sample, 1, scale).batch(0);
    long seed = Seeds.derive(options.seed(), "sae", at.name());
    SaeState state = SaeState.initial(options.dSae(), GeometricMedian.of(first, width), seed);
    List<TrainingHistory.Point> points =
        run(at, state, new BatchSource(store, at, prompts, stream, options, batch, steps, scale), batch, steps);

    SaeWeights weights = state.weights(options.k()).withInputScale(scale);
    SaeCheckpoint checkpoint =
        new SaeCheckpoint(weights, new SaeSource(modelName, at.transformerLensName(), prependBos));
    try (SparseAutoencoder sae = TopKAutoencoder.of(weights, manager, DataType.FLOAT32)) {
      SaeMetrics train = SaeMetrics.measure(sae, store, at, prompts, sinks);
      SaeMetrics heldOut =
          data.heldOut().isEmpty()
              ? null
              : SaeMetrics.measure(sae, store, at, SaeData.stored(data.heldOut()), sinks);
      return new Result(
          checkpoint,
          new TrainingHistory(
              sinks, options, scale, trainingTokens, steps, train, heldOut, warnings, points));
    }
  }

  /** Removes the checkpoint of a hook point once its result is safe. */
  public void forget(HookPoint at) {
    try {
      Files.deleteIfExists(stateFile(at));
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(stateFile(at), e);
    }
  }

  /** Collects the rows that are no sinks, numbered through the prompts; returns their mean squared norm. */
  private double eligibleRows(HookPoint at, List<StoredPrompt> prompts, Sinks sinks, List<int[]> eligible) {
    double squares = 0;
    long count = 0;
    int firstRow = 0;
    for (StoredPrompt prompt : prompts) {
      double[] norms = Sinks.norms(store.rows(prompt, at), store.dModel());
      int[] rows = new int[norms.length];
      int kept = 0;
      for (int t = 0; t < norms.length; t++) {
        if (!sinks.isSink(norms[t])) {
          rows[kept++] = firstRow + t;
          squares += norms[t] * norms[t];
        }
      }
      count += kept;
      eligible.add(Arrays.copyOf(rows, kept));
      firstRow = Math.addExact(firstRow, norms.length);
    }
    if (count < 2 || squares == 0) {
      throw UserException.badData(
          "%s: %d training tokens, sum of squares %s: nothing to learn from".formatted(at.name(), count, squares));
    }
    return squares / count;
  }

  private List<String> warnings(HookPoint at, Sinks sinks, long tokens) {
    List<String> warnings = new ArrayList<>();
    if (sinks.sinks() > 0) {
      warnings.add(
          "%s: %d of %d tokens are attention sinks (norm %.4g to %.4g, median %.4g), at positions %s; left out"
              .formatted(
                  at.name(), sinks.sinks(), sinks.tokens(), sinks.smallestNorm(), sinks.largestNorm(),
                  sinks.medianNorm(), sinks.positions().keySet()));
    }
    double ratio = (double) tokens / options.dSae();
    if (ratio < TOKENS_PER_LATENT) {
      warnings.add(
          "%s: only %.2f training tokens per latent (%d for %d): collect more prompts or lower sae.hidden_dim"
              .formatted(at.name(), ratio, tokens, options.dSae()));
    }
    return warnings;
  }

  private List<TrainingHistory.Point> run(
      HookPoint at, SaeState state, BatchSource source, int batch, long steps) {
    HistoryBuilder history = new HistoryBuilder(Math.max(1, steps / HISTORY_POINTS), steps, options.dSae());
    resume(at, state, history);
    int torchThreads = TorchRuntime.threads();
    boolean small = (long) batch * store.dModel() * options.dSae() < SMALL_PRODUCT;
    TorchRuntime.setThreads(small ? 1 : torchThreads);
    try (Parallel parallel = new Parallel(small ? 1 : threads);
        Progress.Task task = progress.task("SAE " + at.name(), steps)) {
      SparseTrainingStep step =
          new SparseTrainingStep(
              state, SparseTrainingStep.Rules.TOP_K, options.k(), options.sparsityCoeff(), options.deadAfter(), parallel, manager);
      task.advance(state.step);
      while (state.step < steps) {
        long now = state.step;
        double rate = options.learningRateAt(now, steps);
        SparseTrainingStep.Outcome outcome = step.run(source.batch(now), batch, rate);
        if (!Double.isFinite(outcome.loss()) || !Double.isFinite(outcome.gradientNorm())) {
          throw UserException.badData(
              "%s: the loss is %s at step %d".formatted(at.name(), outcome.loss(), now + 1),
              "lower training.learning_rate; if it fails at step 1, the activations of a batch are all alike");
        }
        history.add(now + 1, outcome, rate);
        task.advance(1);
        task.figure("FVU %.4f".formatted(outcome.fvu()));
        if (state.step % options.checkpointEvery() == 0 && state.step < steps) {
          state.save(stateFile(at), history.tensors(), Map.of());
        }
      }
    } finally {
      TorchRuntime.setThreads(torchThreads);
    }
    return history.points();
  }

  private void resume(HookPoint at, SaeState state, HistoryBuilder history) {
    Path file = stateFile(at);
    if (Files.exists(file)) {
      try (Safetensors saved = Safetensors.open(file)) {
        state.load(saved);
        history.load(saved);
      }
    }
  }

  private Path stateFile(HookPoint at) {
    return work.resolve("sae-" + at.name() + ".state.safetensors");
  }

  /** Means over intervals of steps; can be saved between any two steps. */
  private static final class HistoryBuilder {
    private static final int COLUMNS = 7;

    private final long interval;
    private final long steps;
    private final int dSae;
    private final List<double[]> rows = new ArrayList<>();
    private double[] sums = new double[5]; // loss, FVU, aux FVU, L0, steps

    HistoryBuilder(long interval, long steps, int dSae) {
      this.interval = interval;
      this.steps = steps;
      this.dSae = dSae;
    }

    void add(long done, SparseTrainingStep.Outcome outcome, double rate) {
      sums[0] += outcome.loss();
      sums[1] += outcome.fvu();
      sums[2] += outcome.auxFvu();
      sums[3] += outcome.l0();
      sums[4]++;
      if (done % interval == 0 || done == steps) {
        double n = sums[4];
        rows.add(
            new double[] {
              done, sums[0] / n, sums[1] / n, sums[2] / n, sums[3] / n, (double) outcome.dead() / dSae, rate
            });
        sums = new double[5];
      }
    }

    List<TrainingHistory.Point> points() {
      return rows.stream()
          .map(row -> new TrainingHistory.Point((long) row[0], row[1], row[2], row[3], row[4], row[5], row[6]))
          .toList();
    }

    Map<String, Tensor> tensors() {
      double[] flat = rows.stream().flatMapToDouble(Arrays::stream).toArray();
      return Map.of(
          "history", Tensor.of(flat, rows.size(), COLUMNS), "history_sums", Tensor.of(sums, sums.length));
    }

    void load(Safetensors file) {
      double[] flat = file.doubles("history");
      for (int row = 0; row < flat.length / COLUMNS; row++) {
        rows.add(Arrays.copyOfRange(flat, row * COLUMNS, (row + 1) * COLUMNS));
      }
      sums = file.doubles("history_sums");
    }
  }
}
