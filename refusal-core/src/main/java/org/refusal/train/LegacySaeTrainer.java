package org.refusal.train;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.refusal.activation.ActivationStore;
import org.refusal.activation.Sinks;
import org.refusal.activation.StoredPrompt;
import org.refusal.base.Progress;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;
import org.refusal.base.Workers;
import org.refusal.circuit.HookPoint;
import org.refusal.sae.SaeCheckpoint;
import org.refusal.sae.SaeMetrics;
import org.refusal.sae.SaeSource;
import org.refusal.sae.SaeWeights;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.sae.TensorAutoencoder;

/**
 * {@code sae.variant: legacy}: the original project's autoencoder, for results that are to be compared with its own.
 * x̂ = W_dec f + b_dec, f = TopK(ReLU(W_enc x + b_enc)), plain MSE, Adam, learning rate halved on plateaus, end of
 * training when an epoch's loss is below 1e-4. An epoch's loss is the plain mean over batches, a short last one
 * included. Sinks are not left out and inputs are not scaled. All rows are held in memory. A killed training begins
 * again, and ends in the same bytes.
 */
public final class LegacySaeTrainer {
  static final double LEARNING_RATE = 1e-3;
  private static final double GAIN = .1;
  private static final double GOOD_ENOUGH = 1e-4;

  private final ActivationStore store;
  private final SaeData data;
  private final SaeOptions options;
  private final NDManager manager;
  private final int threads;
  private final Progress progress;

  /** @param manager on a CPU device */
  public LegacySaeTrainer(
      ActivationStore store, SaeData data, SaeOptions options, NDManager manager, int threads, Progress progress) {
    this.store = store;
    this.data = data;
    this.options = options;
    this.manager = manager;
    this.threads = threads;
    this.progress = progress;
  }

  /** The checkpoint's b_enc has taken up W_enc^T b_dec, so that it is an autoencoder like the others. */
  public SaeTrainer.Result train(HookPoint at, String modelName, boolean prependBos) {
    List<StoredPrompt> prompts = SaeData.stored(data.train());
    Sinks sinks = Sinks.find(store, at, prompts, Double.POSITIVE_INFINITY);
    List<float[]> rows = new ArrayList<>();
    double[] weights = load(at, rows);
    SaeState state = SaeState.xavier(store.dModel(), options.dSae(), GAIN, Seeds.derive(options.seed(), at.name()));
    SplittableRandom random = Seeds.random(options.seed(), "legacy order", at.name());
    Order order = epoch -> order(weights, random);
    List<TrainingHistory.Point> points;
    try (Progress.Task task = progress.task("SAE " + at.name() + " (legacy)", options.epochs())) {
      points = run(at.name(), state, rows, order, task);
    }
    SaeWeights trained = foldedWeights(state);
    SaeSource source = new SaeSource(modelName, at.transformerLensName(), prependBos);
    try (SparseAutoencoder sae = TensorAutoencoder.of(trained, manager, DataType.FLOAT32)) {
      SaeMetrics heldOut =
          data.heldOut().isEmpty()
              ? null
              : SaeMetrics.measure(sae, store, at, SaeData.stored(data.heldOut()), sinks);
      return new SaeTrainer.Result(
          new SaeCheckpoint(trained, source),
          new TrainingHistory(
              sinks, options, 1, rows.size(), state.step, SaeMetrics.measure(sae, store, at, prompts, sinks), heldOut,
              List.of(), points));
    }
  }

  private SaeWeights foldedWeights(SaeState state) {
    SaeWeights weights = state.weights(options.k());
    SaeCheckpoint.foldInputBias(weights.wEnc(), weights.bEnc(), weights.bDec());
    return weights;
  }

  /** Rows of every sample in the data set's order; returns their sampling weights, or null for uniform sampling. */
  private double[] load(HookPoint at, List<float[]> rows) {
    Map<String, List<Boolean>> labels = new LinkedHashMap<>();
    Map<String, List<StoredPrompt>> stored = new LinkedHashMap<>();
    for (TrainingPrompt prompt : data.train()) {
      String category = prompt.stored().key().category();
      labels.computeIfAbsent(category, name -> new ArrayList<>()).add(prompt.toxic());
      stored.computeIfAbsent(category, name -> new ArrayList<>()).add(prompt.stored());
    }
    List<Double> weights = new ArrayList<>();
    int width = store.dModel();
    for (LegacyDataset.Sample sample :
        LegacyDataset.of(labels, data.categoryWeights(), options.balanceSafeToxic())) {
      float[] values = store.rows(stored.get(sample.category()).get(sample.index()), at);
      for (int from = 0; from < values.length; from += width) {
        if (options.maxSamples() == 0 || rows.size() < options.maxSamples()) {
          rows.add(Arrays.copyOfRange(values, from, from + width));
          weights.add(sample.weight());
        }
      }
    }
    if (rows.isEmpty()) {
      throw UserException.badData(at.name() + ": no token to train on");
    }
    return options.useCategoryWeights() ? weights.stream().mapToDouble(Double::doubleValue).toArray() : uniform(rows);
  }

  private static double[] uniform(List<float[]> rows) {
    double[] weights = new double[rows.size()];
    Arrays.fill(weights, 1);
    return weights;
  }

  /** Without weights a random order; with them draws with replacement, as many as there are rows. */
  private int[] order(double[] weights, SplittableRandom random) {
    if (!options.useCategoryWeights()) {
      return Seeds.permutation(weights.length, random);
    }
    double[] bounds = weights.clone();
    Arrays.parallelPrefix(bounds, Double::sum);
    int[] order = new int[weights.length];
    for (int i = 0; i < order.length; i++) {
      int found = Arrays.binarySearch(bounds, random.nextDouble() * bounds[bounds.length - 1]);
      order[i] = Math.min(weights.length - 1, found < 0 ? -found - 1 : found + 1);
    }
    return order;
  }

  /** In which order an epoch takes the rows. */
  @FunctionalInterface
  interface Order {
    int[] of(int epoch);
  }

  /** Trains the state; one point per epoch. */
  List<TrainingHistory.Point> run(
      String name, SaeState state, List<float[]> rows, Order order, Progress.Task task) {
    List<TrainingHistory.Point> points = new ArrayList<>();
    PlateauSchedule schedule = new PlateauSchedule(options.learningRate());
    try (Workers parallel = new Workers(threads)) {
      SparseTrainingStep step =
          new SparseTrainingStep(
              state, SparseTrainingStep.Rules.LEGACY, options.k(), 0, Long.MAX_VALUE, parallel, manager);
      for (int epoch = 0; epoch < options.epochs(); epoch++) {
        double rate = schedule.learningRate();
        double loss = 0;
        double l0 = 0;
        int batches = 0;
        int[] sequence = order.of(epoch);
        for (int from = 0; from < sequence.length; from += options.batchSize()) {
          int size = Math.min(options.batchSize(), sequence.length - from);
          TrainingStep.Outcome outcome = step.run(batch(rows, sequence, from, size), size, rate);
          if (!Double.isFinite(outcome.loss())) {
            throw UserException.badData(
                "%s: the loss is %s in epoch %d".formatted(name, outcome.loss(), epoch + 1),
                "lower training.learning_rate");
          }
          loss += outcome.loss();
          l0 += outcome.l0();
          batches++;
        }
        loss /= batches;
        points.add(new TrainingHistory.Point(state.step, loss, Double.NaN, 0, l0 / batches, 0, rate));
        schedule.after(loss);
        task.advance(1);
        task.figure("MSE %.4g".formatted(loss));
        boolean stepsOver = options.maxSteps() > 0 && state.step >= options.maxSteps();
        if (loss < GOOD_ENOUGH || stepsOver) {
          break;
        }
      }
    }
    return points;
  }

  private float[] batch(List<float[]> rows, int[] sequence, int from, int size) {
    int width = rows.get(0).length;
    float[] batch = new float[size * width];
    for (int i = 0; i < size; i++) {
      System.arraycopy(rows.get(sequence[from + i]), 0, batch, i * width, width);
    }
    return batch;
  }
}
