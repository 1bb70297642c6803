package org.refusal.train;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import org.refusal.activation.ActivationStore;
import org.refusal.activation.Sinks;
import org.refusal.activation.StoredPrompt;
import org.refusal.base.AtomicFiles;
import org.refusal.base.Progress;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;
import org.refusal.base.Workers;
import org.refusal.circuit.HookPoint;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SaeMetrics;
import org.refusal.sae.SaeSource;
import org.refusal.sae.SaeWeights;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.sae.TensorAutoencoder;
import org.refusal.torch.TorchRuntime;

/**
 * Trains one top-k autoencoder on the activations of one hook point (docs/definitions.md and docs/autoencoders.md; Gao et
 * al. 2024): sinks left out, inputs scaled to mean squared norm d_in, b_dec begun at the geometric median of a sample, then
 * steps as {@link SparseTrainingStep} says; on a GPU the same in {@link DeviceTrainingStep}. Killed and started again with
 * the same work folder, it goes on from the last checkpoint and ends in the same bytes.
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
   * @param manager of the device that trains: {@link SparseTrainingStep} on a CPU, {@link DeviceTrainingStep} on a GPU
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

  /** One hook point alone. */
  public Result train(HookPoint at, String modelName, boolean prependBos) {
    Result[] result = new Result[1];
    train(List.of(at), 1, modelName, prependBos, (point, trained) -> result[0] = trained);
    return result[0];
  }

  /**
   * Trains every hook point. Those of a group are trained window by window, side by side where there are threads, so that
   * a pass over the files serves them all; which ones stand in a group changes no result, but for the rounding of dense
   * products on another number of threads. Time grows with steps x (batch d_in d_sae); memory with d_in d_sae for every
   * hook point of a group, the window, and some 30 bytes per token.
   *
   * @param atOnce hook points in a group
   * @param finished takes every result in the order of the points; none is held here afterwards
   */
  public void train(
      List<HookPoint> points, int atOnce, String modelName, boolean prependBos, BiConsumer<HookPoint, Result> finished) {
    List<StoredPrompt> prompts = SaeData.stored(data.train());
    for (int from = 0; from < points.size(); from += atOnce) {
      List<HookPoint> group = points.subList(from, Math.min(points.size(), from + atOnce));
      Map<HookPoint, double[]> norms = norms(group, prompts);
      Deque<Training> trainings = new ArrayDeque<>();
      for (HookPoint at : group) {
        trainings.add(new Training(at, prompts, norms.remove(at), options.windowBytes() / group.size()));
      }
      run(List.copyOf(trainings));
      while (!trainings.isEmpty()) {
        Training training = trainings.remove();
        finished.accept(training.at, training.result(modelName, prependBos));
      }
    }
  }

  /** Norm of every token at every hook point, by one pass over the files. */
  private Map<HookPoint, double[]> norms(List<HookPoint> points, List<StoredPrompt> prompts) {
    points.forEach(store::require);
    int tokens = Math.toIntExact(prompts.stream().mapToLong(StoredPrompt::tokens).sum());
    Map<HookPoint, double[]> norms = new HashMap<>();
    points.forEach(at -> norms.put(at, new double[tokens]));
    int next = 0;
    for (StoredPrompt prompt : prompts) {
      for (HookPoint at : points) {
        double[] ofPrompt = Sinks.norms(store.rows(prompt, at), store.dModel());
        System.arraycopy(ofPrompt, 0, norms.get(at), next, ofPrompt.length);
      }
      next += prompt.tokens();
    }
    return norms;
  }

  /** Trains a group: as many hook points at a time as there are threads, which they share. */
  private void run(List<Training> trainings) {
    if (trainings.stream().noneMatch(Training::isUnfinished)) {
      return;
    }
    int torchThreads = TorchRuntime.threads();
    boolean small =
        trainings.stream().allMatch(t -> (long) t.batch * store.dModel() * options.dSae() < SMALL_PRODUCT);
    int atOnce = Math.min(threads, trainings.size());
    int each = small ? 1 : threads / atOnce;
    TorchRuntime.setThreads(small ? 1 : Math.max(1, torchThreads / atOnce));
    List<Workers> own = new ArrayList<>();
    try (Workers sideBySide = new Workers(atOnce);
        GroupProgress shown = new GroupProgress(progress, trainings)) {
      List<Runnable> windows = new ArrayList<>();
      for (Training training : trainings) {
        Workers parallel = new Workers(each);
        own.add(parallel);
        windows.add(() -> training.window(parallel, shown));
        shown.advance(training.state.step);
      }
      while (trainings.stream().anyMatch(Training::isUnfinished)) {
        sideBySide.runAll(windows);
      }
    } finally {
      trainings.forEach(Training::release);
      own.forEach(Workers::close);
      TorchRuntime.setThreads(torchThreads);
    }
  }

  /** One task for a group of hook points, with the FVU of each beside it. */
  private static final class GroupProgress implements AutoCloseable {
    private final Progress.Task task;
    private final Map<HookPoint, String> figures = new LinkedHashMap<>();

    GroupProgress(Progress progress, List<Training> trainings) {
      trainings.forEach(training -> figures.put(training.at, "-"));
      task =
          progress.task(
              "SAE " + trainings.stream().map(training -> training.at.name()).collect(Collectors.joining(", ")),
              trainings.stream().mapToLong(training -> training.steps).sum());
    }

    synchronized void advance(long steps) {
      task.advance(steps);
    }

    synchronized void step(HookPoint at, double fvu) {
      task.advance(1);
      figures.put(at, "%.4f".formatted(fvu));
      task.figure("FVU " + String.join(", ", figures.values()));
    }

    @Override
    public void close() {
      task.close();
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

  /** One hook point on its way. */
  private final class Training {
    private final HookPoint at;
    private final List<StoredPrompt> prompts;
    private final Sinks sinks;
    private final double scale;
    private final long tokens;
    private final int batch;
    private final long steps;
    private final List<String> warnings;
    private final BatchSource source;
    private final SaeState state;
    private final HistoryBuilder history;
    private long last; // the step to stop after: fewer than planned once the FVU stalls
    private TrainingStep step;

    Training(HookPoint at, List<StoredPrompt> prompts, double[] norms, long windowBytes) {
      this.at = at;
      this.prompts = prompts;
      sinks = Sinks.of(at, norms, positions(prompts), options.sinkFactor());
      List<int[]> eligible = new ArrayList<>();
      double meanSquare = eligibleRows(norms, eligible);
      scale = Math.sqrt(store.dModel() / meanSquare);
      TokenStream stream = new TokenStream(data, eligible, options);
      tokens = stream.epochLength();
      batch = (int) Math.min(options.batchSize(), tokens);
      long all = Math.multiplyExact(tokens, (long) options.epochs());
      long whole = (all + batch - 1) / batch; // the last batch is filled up from the next epoch, so that no token is lost
      steps = options.maxSteps() > 0 ? Math.min(whole, options.maxSteps()) : whole;
      warnings = warnings(at, sinks, tokens);
      warnings.forEach(progress::note);
      int sample = (int) Math.min(MEDIAN_SAMPLE, tokens);
      float[] first = new BatchSource(store, at, prompts, stream, windowBytes, sample, 1, scale).batch(0);
      state =
          SaeState.initial(
              options.dSae(), GeometricMedian.of(first, store.dModel()),
              Seeds.derive(options.seed(), "sae", at.name()));
      history = new HistoryBuilder(Math.max(1, steps / HISTORY_POINTS), steps, options.dSae());
      source = new BatchSource(store, at, prompts, stream, windowBytes, batch, steps, scale);
      resume();
    }

    private void resume() {
      Path file = stateFile(at);
      if (Files.exists(file)) {
        try (Safetensors saved = Safetensors.open(file)) {
          state.load(saved);
          history.load(saved);
        }
      }
      last = history.stalled(options.patience()) ? state.step : steps;
    }

    /** Collects the rows that are no sinks, numbered through the prompts; returns their mean squared norm. */
    private double eligibleRows(double[] norms, List<int[]> eligible) {
      double squares = 0;
      long count = 0;
      int row = 0;
      for (StoredPrompt prompt : prompts) {
        int[] rows = new int[prompt.tokens()];
        int kept = 0;
        for (int t = 0; t < prompt.tokens(); t++, row++) {
          if (!sinks.isSink(norms[row])) {
            rows[kept++] = row;
            squares += norms[row] * norms[row];
          }
        }
        count += kept;
        eligible.add(Arrays.copyOf(rows, kept));
      }
      if (count < 2 || squares == 0) {
        throw UserException.badData(
            "%s: %d training tokens, sum of squares %s: nothing to learn from".formatted(at.name(), count, squares));
      }
      return squares / count;
    }

    boolean isUnfinished() {
      return state.step < last;
    }

    /** Trains on what one reading of the files brings. */
    void window(Workers parallel, GroupProgress shown) {
      if (step == null && isUnfinished()) {
        step =
            TrainingStep.topK(
                state, options.k(), options.sparsityCoeff(), options.deadAfter(), parallel, manager);
      }
      long end = source.windowEnd(state.step);
      while (state.step < Math.min(end, last)) {
        step(shown);
      }
      if (!isUnfinished()) {
        release();
      }
    }

    void release() {
      if (step != null) {
        step.close();
        step = null;
      }
    }

    private void step(GroupProgress shown) {
      long now = state.step;
      double rate = options.learningRateAt(now, steps);
      TrainingStep.Outcome outcome = step.run(source.batch(now), batch, rate);
      if (!Double.isFinite(outcome.loss()) || !Double.isFinite(outcome.gradientNorm())) {
        throw UserException.badData(
            "%s: the loss is %s at step %d".formatted(at.name(), outcome.loss(), now + 1),
            "lower training.learning_rate; if it fails at step 1, the activations of a batch are all alike");
      }
      history.add(now + 1, outcome, rate);
      shown.step(at, outcome.fvu());
      if (history.stalled(options.patience())) {
        last = state.step;
      }
      if (state.step % options.checkpointEvery() == 0 || state.step == last) {
        boolean finished = state.step == last;
        step.store(finished);
        state.save(stateFile(at), history.tensors(), finished);
      }
    }

    Result result(String modelName, boolean prependBos) {
      SaeWeights weights = state.weights(options.k()).withInputScale(scale);
      SaeCheckpoint checkpoint =
          new SaeCheckpoint(weights, new SaeSource(modelName, at.transformerLensName(), prependBos));
      try (SparseAutoencoder sae = TensorAutoencoder.of(weights, manager, DataType.FLOAT32)) {
        SaeMetrics train = SaeMetrics.measure(sae, store, at, prompts, sinks);
        SaeMetrics heldOut =
            data.heldOut().isEmpty()
                ? null
                : SaeMetrics.measure(sae, store, at, SaeData.stored(data.heldOut()), sinks);
        return new Result(
            checkpoint,
            new TrainingHistory(
                sinks, options, scale, tokens, state.step, train, heldOut, warnings, history.points()));
      }
    }
  }

  private int[] positions(List<StoredPrompt> prompts) {
    return prompts.stream().flatMapToInt(prompt -> Arrays.stream(store.positions(prompt))).toArray();
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

    void add(long done, TrainingStep.Outcome outcome, double rate) {
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

    /** Whether none of the last so many points has a lower FVU than the best before them. */
    boolean stalled(int patience) {
      if (patience == 0 || rows.size() <= patience) {
        return false;
      }
      int split = rows.size() - patience;
      return best(split, rows.size()) >= best(0, split);
    }

    private double best(int from, int to) {
      return rows.subList(from, to).stream().mapToDouble(row -> row[2]).min().orElseThrow();
    }

    List<TrainingHistory.Point> points() {
      return rows.stream()
          .map(row -> new TrainingHistory.Point((long) row[0], row[1], row[2], row[3], row[4], row[5], row[6]))
          .toList();
    }

    Map<String, Tensor> tensors() {
      double[] flat = rows.stream().flatMapToDouble(Arrays::stream).toArray();
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put("history", Tensor.of(flat, rows.size(), COLUMNS));
      tensors.put("history_sums", Tensor.of(sums, sums.length));
      return tensors;
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
