package org.refusal.bench;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.refusal.sae.SparseSteps;
import org.refusal.torch.Devices;
import org.refusal.torch.TorchRuntime;

/** One training step of a top-k autoencoder. */
final class SaeBench implements Benchmark {
  private static final Option D_IN = Option.number("--d-in", 576, "Width of the activations.");
  private static final Option D_SAE = Option.number("--d-sae", 4608, "Latents.");
  private static final Option K = Option.number("--k", "5 % of the latents", "Active latents per token.");
  private static final Option BATCH = Option.number("--batch", 512, "Tokens per step.");
  private static final Option STEPS = Option.number("--steps", 10, "Steps of each side; the median counts.");
  private static final float LEARNING_RATE = 1e-4f;
  private static final Option CHECKED =
      Option.number("--checked-steps", 3, "Steps whose losses are compared with dense autograd under torch's Adam.");
  private static final int PEAK_PRODUCTS = 7;

  @Override
  public String name() {
    return "sae";
  }

  @Override
  public String summary() {
    return "Time per training step of an autoencoder: sparse hand-derived gradients against dense autograd and DJL's Adam.";
  }

  @Override
  public List<Option> options() {
    return List.of(D_IN, D_SAE, K, BATCH, STEPS, CHECKED, PythonSide.PYTHON, Option.DEVICE, Option.THREADS,
        Option.SEED);
  }

  @Override
  public Result run(Arguments arguments) {
    int dIn = arguments.count(D_IN);
    int dSae = arguments.count(D_SAE);
    int k = arguments.isGiven(K) ? arguments.count(K) : Math.max(1, dSae / 20);
    int batch = arguments.count(BATCH);
    int steps = arguments.count(STEPS);
    if (k > dSae) {
      throw Arguments.usage("--k: %d is larger than --d-sae %d".formatted(k, dSae));
    }
    if (batch < 2) {
      throw Arguments.usage("--batch: 1 is less than 2");
    }
    TorchRuntime.start();
    TorchRuntime.setThreads(arguments.threads());
    Device device = arguments.device();
    float[] x = sparseSums(batch, dIn, Math.min(16, k), arguments.count(Option.SEED));
    double[] ours = new double[steps];
    double[] dense = new double[steps];
    double[] losses = new double[steps + 1];
    double djlApart = 0;
    double apart = 0;
    double peak;
    try (NDManager manager = Devices.manager(device).newSubManager();
        SparseSteps sparse = new SparseSteps(x, dIn, dSae, k, arguments.threads(), manager);
        DenseSae baseline = new DenseSae(manager, sparse.start(), LEARNING_RATE, false)) {
      peak = peakFlops(manager, device.isGpu() ? 8192 : 2048);
      for (int i = 0; i <= steps; i++) { // the first step of each side warms up
        int step = i;
        double[] loss = new double[1];
        double first = Timing.seconds(() -> losses[step] = sparse.run(x, batch, LEARNING_RATE));
        double second = Timing.seconds(() -> loss[0] = baseline.run(x, batch));
        djlApart = Math.max(djlApart, Math.abs(losses[i] - loss[0]));
        if (i > 0) {
          ours[i - 1] = first;
          dense[i - 1] = second;
        }
      }
    }
    int checked = Math.min(arguments.count(CHECKED), steps + 1);
    try (NDManager manager = Devices.manager(device).newSubManager();
        SparseSteps start = new SparseSteps(x, dIn, dSae, k, 1, manager);
        DenseSae exact = new DenseSae(manager, start.start(), LEARNING_RATE, true)) {
      for (int i = 0; i < checked; i++) {
        apart = Math.max(apart, Math.abs(losses[i] - exact.run(x, batch)));
      }
    }
    double mine = Timing.median(ours);
    double other = Timing.median(dense);
    double needed = 2.0 * batch * dIn * dSae + 4 * 2.0 * batch * k * dIn;
    List<Row> rows = new ArrayList<>();
    rows.add(Row.time("sae training step", 1e3 * mine, 1e3 * other, "ms/step"));
    rows.add(Row.rate("sae samples per second", batch / mine, batch / other, "samples/s"));
    rows.add(Row.rate("sae share of peak matmul throughput", needed / mine / peak, needed / other / peak, "share"));
    PythonSide.sae(arguments, dIn, dSae, k, batch, steps)
        .ifPresent(
            seconds -> rows.add(Row.time("sae training step against PyTorch", 1e3 * mine, 1e3 * seconds, "ms/step")));
    return new Result(
        rows,
        List.of(
            "%d -> %d, k %d, batch %d, %d steps, %s, %d threads; peak of a matrix product %.0f GFLOP/s"
                .formatted(dIn, dSae, k, batch, steps, Devices.name(device), arguments.threads(), peak / 1e9),
            "share of peak: %.2f GFLOP that a step needs (encoder product and sparse parts) per second, of that peak"
                .formatted(needed / 1e9),
            "losses differ from dense autograd with torch's Adam by %.1e at most over %d steps; with DJL's, which adds epsilon elsewhere, by %.1e over %d"
                .formatted(apart, checked, djlApart, steps + 1)));
  }

  /** Floating-point operations per second of libtorch's best product of two square matrices. */
  private static double peakFlops(NDManager manager, int n) {
    double best = Double.MAX_VALUE;
    try (NDArray a = manager.randomNormal(new Shape(n, n));
        NDArray b = manager.randomNormal(new Shape(n, n))) {
      for (int i = 0; i < PEAK_PRODUCTS; i++) {
        best = Math.min(best, Timing.seconds(() -> product(a, b)));
      }
    }
    return 2.0 * n * n * n / best;
  }

  /** Reads an element, so that a device that works on its own is waited for. */
  private static void product(NDArray a, NDArray b) {
    try (NDArray product = a.matMul(b)) {
      product.getFloat(0, 0);
    }
  }

  /** Sums of a few of many random directions, with noise {@code [tokens, width]}. */
  private static float[] sparseSums(int tokens, int width, int active, long seed) {
    Random random = new Random(seed);
    int directions = 256;
    float[][] rows = new float[directions][width];
    for (float[] row : rows) {
      for (int i = 0; i < width; i++) {
        row[i] = (float) random.nextGaussian();
      }
    }
    float[] x = new float[tokens * width];
    for (int t = 0; t < tokens; t++) {
      for (int j = 0; j < active; j++) {
        float[] direction = rows[random.nextInt(directions)];
        float amount = 1 + random.nextFloat();
        for (int i = 0; i < width; i++) {
          x[t * width + i] += amount * direction[i];
        }
      }
      for (int i = 0; i < width; i++) {
        x[t * width + i] = (x[t * width + i] + .1f * (float) random.nextGaussian()) / (float) Math.sqrt(2.3 * active);
      }
    }
    return x;
  }
}
