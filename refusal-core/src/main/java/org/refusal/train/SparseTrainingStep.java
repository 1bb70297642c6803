package org.refusal.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.FloatBuffer;
import java.util.Arrays;
import org.refusal.base.Workers;
import org.refusal.torch.Memory;
import org.refusal.train.SaeState.Parameter;

/**
 * One training step of docs/autoencoders.md (Gao et al. 2024, sections 2 and A.2) on the CPU, with gradients derived by hand.
 *
 * <p>With r = x̂ - x, D = sum ||x - mean(x)||^2 and f the latents, the loss is
 * {@code sum ||r||^2 / D + (1/32) sum ||ê - e||^2 / sum ||e - mean(e)||^2 + lambda mean |f|}, where e = -r is held
 * constant and ê = W_dec z is its reconstruction from the top dead latents z. Only active latents have gradients:
 *
 * <pre>
 * g_t = 2 r_t / D                     d W_dec[i] = sum_t f_ti g_t
 * d f_ti = g_t . W_dec[i] + lambda/N  d W_enc[i] = sum_t df_ti (x_t - b_dec)    d b_enc[i] = sum_t df_ti
 * d b_dec = sum_t g_t - sum_i d b_enc[i] W_enc[i]
 * </pre>
 *
 * and likewise for z with g'_t = (2/32) (ê - e)_t / sum ||e - mean(e)||^2, which reaches b_dec through the encoder only.
 * Cost: one dense product {@code tokens d_in d_sae}; four sparse ones {@code tokens k d_in} (libtorch's embedding bags
 * and their gradient), and Adam's {@code d_in d_sae}. Sums over tokens run in token order, so that the result does not
 * depend on the number of threads, but for the rounding of the dense product. Memory: 40 bytes per weight, and {@code
 * tokens (d_sae + 4 d_in)} floats.
 */
final class SparseTrainingStep implements TrainingStep {
  /** Floats of a block of gradients. */
  private static final int GRADIENT_BLOCK = 1 << 21;

  /**
   * In what the two variants of the autoencoder differ.
   *
   * @param centred the encoder sees x - b_dec; otherwise x
   * @param perVariance the loss is FVU; otherwise the mean square over tokens and dimensions
   * @param unitRows decoder rows keep unit norm
   * @param maxGradientNorm of all gradients together; larger ones are scaled down
   */
  record Rules(boolean centred, boolean perVariance, boolean unitRows, double maxGradientNorm) {
    /** docs/autoencoders.md. */
    static final Rules TOP_K = new Rules(true, true, true, 1);

    /** The original project's autoencoder: plain MSE, nothing constrained. */
    static final Rules LEGACY = new Rules(false, false, false, Double.POSITIVE_INFINITY);
  }

  private final SaeState state;
  private final Rules rules;
  private final int k;
  private final double sparsityCoeff;
  private final long deadAfter;
  private final Workers parallel;
  private final NDManager manager;
  private final NativeFloats encoderMirror; // W_enc rows where libtorch can read them
  private final NativeFloats decoderMirror;
  private final float[] encoderGradient; // [d_sae, d_in]
  private final float[] decoderGradient; // [d_sae, d_in]
  private final float[] encoderBiasGradient; // [d_sae]
  private final float[] decoderBiasGradient; // [d_in]

  private int capacity;
  private NativeFloats input; // x - b_dec [tokens, d_in]
  private NativeFloats outputGradient; // g [tokens, d_in]
  private NativeFloats auxGradient; // g' [tokens, d_in]
  private float[] pre; // [tokens, d_sae]
  private float[] residual; // r [tokens, d_in]
  private float[] auxResidual; // ê - e [tokens, d_in]
  private ActiveLatents active;
  private ActiveLatents revived;

  SparseTrainingStep(
      SaeState state, Rules rules, int k, double sparsityCoeff, long deadAfter, Workers parallel,
      NDManager manager) {
    this.state = state;
    this.rules = rules;
    this.k = k;
    this.sparsityCoeff = sparsityCoeff;
    this.deadAfter = deadAfter;
    this.parallel = parallel;
    this.manager = manager;
    int size = state.encoder.value.length;
    encoderMirror = mirror(state.encoder.value);
    decoderMirror = mirror(state.decoder.value);
    encoderGradient = new float[size];
    decoderGradient = new float[size];
    encoderBiasGradient = new float[state.dSae];
    decoderBiasGradient = new float[state.dIn];
  }

  private static NativeFloats mirror(float[] values) {
    NativeFloats mirror = new NativeFloats(values.length);
    mirror.floats().put(0, values);
    return mirror;
  }

  private void ensure(int tokens) {
    if (tokens <= capacity) {
      return;
    }
    capacity = tokens;
    int size = Math.multiplyExact(tokens, state.dIn);
    input = new NativeFloats(size);
    outputGradient = new NativeFloats(size);
    residual = new float[size];
    pre = new float[Math.multiplyExact(tokens, state.dSae)];
    active = new ActiveLatents(tokens, k, state.dSae, manager);
    revived = null;
  }

  @Override
  public Outcome run(float[] x, int tokens, double learningRate) {
    ensure(tokens);
    try (Memory.Scope scope = Memory.scope()) {
      return step(x, tokens, learningRate);
    }
  }

  /** Does nothing: the state is what the steps change. */
  @Override
  public void store(boolean finished) {}

  /** Does nothing: the garbage collector frees the buffers. */
  @Override
  public void close() {}

  private Outcome step(float[] x, int tokens, double learningRate) {
    int d = state.dIn;
    centre(x, tokens);
    multiplyByEncoder(tokens);
    NDArray decoder = decoderMirror.array(manager, state.dSae, d);
    choose(active, null, state.dSae, tokens);
    double[] squares = new double[tokens];
    parallel.forEach(tokens, (from, to) -> startResidual(x, from, to));
    addDecoded(active, decoder, residual, squares, tokens);
    double total = rules.perVariance() ? squaresAboutMean(x, tokens) : (double) tokens * d;
    double fvu = sum(squares) / total;

    int[] dead = deadLatents();
    double auxFvu = dead.length == 0 ? 0 : reviveDead(dead, decoder, tokens);
    boolean reviving = auxFvu > 0;
    double entries = (double) tokens * state.dSae;
    double loss = fvu + AUX_WEIGHT * auxFvu + sparsityCoeff * active.valueSum() / entries;
    double l0 = active.perToken(tokens);
    if (!Double.isFinite(loss)) {
      return new Outcome(loss, fvu, auxFvu, l0, dead.length, Double.NaN);
    }

    differentiate(active, residual, outputGradient, decoder, tokens, 2 / total, sparsityCoeff / entries);
    double[] norms = new double[state.dSae];
    weightGradients(norms, reviving, tokens);
    differentiateDecoderBias(tokens);
    double norm =
        Math.sqrt(
            sum(norms)
                + Kernels.squares(encoderBiasGradient, 0, state.dSae)
                + Kernels.squares(decoderBiasGradient, 0, d));
    state.step++;
    update(learningRate, Math.min(1, rules.maxGradientNorm() / (norm + 1e-6)));
    for (int i = 0; i < state.dSae; i++) {
      state.tokensSinceActive[i] = active.count(i) > 0 ? 0 : state.tokensSinceActive[i] + tokens;
    }
    return new Outcome(loss, fvu, auxFvu, l0, dead.length, norm);
  }

  private void centre(float[] x, int tokens) {
    int d = state.dIn;
    parallel.forEach(
        tokens,
        (from, to) -> {
          float[] row = new float[d];
          for (int t = from; t < to; t++) {
            System.arraycopy(x, t * d, row, 0, d);
            if (rules.centred()) {
              Kernels.addOne(row, 0, state.decoderBias.value, 0, -1, d);
            }
            input.floats().put(t * d, row);
          }
        });
  }

  private void multiplyByEncoder(int tokens) {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray left = input.array(manager, tokens, state.dIn);
      NDArray right = encoderMirror.array(manager, state.dSae, state.dIn);
      NativeFloats.view(left.matMul(right.transpose())).get(pre, 0, tokens * state.dSae); // [tokens, d_sae]
    }
    int n = state.dSae;
    parallel.forEach(
        tokens,
        (from, to) -> {
          for (int t = from; t < to; t++) {
            Kernels.addOne(pre, t * n, state.encoderBias.value, 0, 1, n);
          }
        });
  }

  private void choose(ActiveLatents latents, int[] candidates, int count, int tokens) {
    parallel.forEach(
        tokens,
        (from, to) -> {
          for (int t = from; t < to; t++) {
            latents.choose(t, pre, candidates, count);
          }
        });
    latents.group(tokens);
  }

  /** b_dec - x of some tokens. */
  private void startResidual(float[] x, int from, int to) {
    int d = state.dIn;
    for (int t = from; t < to; t++) {
      System.arraycopy(state.decoderBias.value, 0, residual, t * d, d);
      Kernels.addOne(residual, t * d, x, t * d, -1, d);
    }
  }

  /** Adds the decoded latents to the rows of {@code out [tokens, d_in]}; squared norms of the sums. */
  private void addDecoded(ActiveLatents latents, NDArray decoder, float[] out, double[] squares, int tokens) {
    int d = state.dIn;
    try (Memory.Scope scope = Memory.scope()) {
      FloatBuffer decoded = latents.isEmpty() ? null : NativeFloats.view(latents.decode(decoder, tokens));
      parallel.forEach(
          tokens,
          (from, to) -> {
            float[] row = new float[d];
            for (int t = from; t < to; t++) {
              if (decoded != null) {
                decoded.get(t * d, row);
                Kernels.addOne(out, t * d, row, 0, 1, d);
              }
              squares[t] = Kernels.squares(out, t * d, d);
            }
          });
    }
  }

  /** Sum over the rows of ||row - mean row||^2. */
  private double squaresAboutMean(float[] rows, int tokens) {
    int d = state.dIn;
    double[] mean = new double[d];
    for (int t = 0; t < tokens; t++) {
      for (int i = 0; i < d; i++) {
        mean[i] += rows[t * d + i];
      }
    }
    for (int i = 0; i < d; i++) {
      mean[i] /= tokens;
    }
    double[] squares = new double[tokens];
    parallel.forEach(
        tokens,
        (from, to) -> {
          for (int t = from; t < to; t++) {
            double sum = 0;
            for (int i = 0; i < d; i++) {
              double difference = rows[t * d + i] - mean[i];
              sum += difference * difference;
            }
            squares[t] = sum;
          }
        });
    return sum(squares);
  }

  private int[] deadLatents() {
    int[] dead = new int[state.dSae];
    int count = 0;
    for (int i = 0; i < state.dSae; i++) {
      if (state.tokensSinceActive[i] >= deadAfter) {
        dead[count++] = i;
      }
    }
    return Arrays.copyOf(dead, count);
  }

  /** Reconstructs e = -r from the top d_in / 2 dead latents and prepares their gradients; returns the FVU of e. */
  private double reviveDead(int[] dead, NDArray decoder, int tokens) {
    if (revived == null) {
      revived = new ActiveLatents(capacity, Math.max(1, state.dIn / 2), state.dSae, manager);
      auxResidual = new float[residual.length];
      auxGradient = new NativeFloats(residual.length);
    }
    double total = squaresAboutMean(residual, tokens);
    if (total == 0) {
      return 0;
    }
    choose(revived, dead, dead.length, tokens);
    System.arraycopy(residual, 0, auxResidual, 0, tokens * state.dIn);
    double[] squares = new double[tokens];
    addDecoded(revived, decoder, auxResidual, squares, tokens);
    differentiate(revived, auxResidual, auxGradient, decoder, tokens, AUX_WEIGHT * 2 / total, 0);
    return sum(squares) / total;
  }

  /** From residuals to output gradients, and from those to gradients of the latents. */
  private void differentiate(
      ActiveLatents latents, float[] residuals, NativeFloats gradient, NDArray decoder, int tokens, double scale,
      double constant) {
    int d = state.dIn;
    parallel.forEach(
        tokens,
        (from, to) -> {
          Kernels.scale(residuals, from * d, (to - from) * d, (float) scale);
          gradient.floats().put(from * d, residuals, from * d, (to - from) * d);
        });
    try (Memory.Scope scope = Memory.scope()) {
      latents.differentiate(gradient.array(manager, tokens, d), decoder, (float) constant);
    }
  }

  /** Gradients of the weights, some latents at a time, so that what libtorch gives is still in the cache when read. */
  private void weightGradients(double[] norms, boolean reviving, int tokens) {
    int block = Math.max(1, GRADIENT_BLOCK / state.dIn);
    for (int first = 0; first < state.dSae; first += block) {
      int start = first;
      int end = Math.min(state.dSae, first + block);
      try (Memory.Scope scope = Memory.scope()) {
        Sums own = Sums.of(active, input, outputGradient, start, end, tokens, this);
        Sums dead = reviving ? Sums.of(revived, input, auxGradient, start, end, tokens, this) : Sums.NONE;
        parallel.forEach(end - start, (from, to) -> collect(own, dead, norms, start, start + from, start + to));
      }
    }
    for (int i = 0; i < state.dSae; i++) {
      encoderBiasGradient[i] = (float) (active.gradientSum(i) + (reviving ? revived.gradientSum(i) : 0));
    }
  }

  /** Gradients of a block of latents in libtorch's memory; null where none of them is active. */
  private record Sums(FloatBuffer encoder, FloatBuffer decoder) {
    static final Sums NONE = new Sums(null, null);

    static Sums of(
        ActiveLatents latents, NativeFloats input, NativeFloats gradient, int from, int to, int tokens,
        SparseTrainingStep step) {
      if (latents.isIdle(from, to)) {
        return NONE;
      }
      int d = step.state.dIn;
      return new Sums(
          NativeFloats.view(latents.encoderGradient(input.array(step.manager, tokens, d), from, to)),
          NativeFloats.view(latents.decoderGradient(gradient.array(step.manager, tokens, d), from, to)));
    }
  }

  private void collect(Sums own, Sums dead, double[] norms, int start, int from, int to) {
    int d = state.dIn;
    float[] row = new float[d];
    for (int i = from; i < to; i++) {
      take(own.encoder(), dead.encoder(), encoderGradient, (i - start) * d, i * d, row);
      take(own.decoder(), dead.decoder(), decoderGradient, (i - start) * d, i * d, row);
      if (rules.unitRows()) {
        float along = Kernels.dot(decoderGradient, i * d, state.decoder.value, i * d, d);
        Kernels.addOne(decoderGradient, i * d, state.decoder.value, i * d, -along, d);
      }
      norms[i] = Kernels.squares(encoderGradient, i * d, d) + Kernels.squares(decoderGradient, i * d, d);
    }
  }

  private static void take(FloatBuffer own, FloatBuffer dead, float[] gradient, int from, int to, float[] row) {
    if (own == null) {
      Arrays.fill(gradient, to, to + row.length, 0);
    } else {
      own.get(from, gradient, to, row.length);
    }
    if (dead != null) {
      dead.get(from, row);
      Kernels.addOne(gradient, to, row, 0, 1, row.length);
    }
  }

  private void differentiateDecoderBias(int tokens) {
    int d = state.dIn;
    float[] gradient = decoderBiasGradient;
    Arrays.fill(gradient, 0);
    for (int t = 0; t < tokens; t++) {
      Kernels.addOne(gradient, 0, residual, t * d, 1, d);
    }
    for (int i = 0; rules.centred() && i < state.dSae; i++) {
      if (encoderBiasGradient[i] != 0) {
        Kernels.addOne(gradient, 0, state.encoder.value, i * d, -encoderBiasGradient[i], d);
      }
    }
  }

  /** Adam with bias correction, gradients times {@code clip}; then decoder rows back to unit norm. */
  private void update(double learningRate, double clip) {
    int d = state.dIn;
    float rate = (float) (learningRate / (1 - Math.pow(BETA_1, state.step)));
    float root = (float) (1 / Math.sqrt(1 - Math.pow(BETA_2, state.step)));
    parallel.forEach(
        state.dSae,
        (from, to) -> {
          adam(state.encoderBias, encoderBiasGradient, from, to - from, (float) clip, rate, root);
          for (int i = from; i < to; i++) {
            int row = i * d;
            adam(state.encoder, encoderGradient, row, d, (float) clip, rate, root);
            adam(state.decoder, decoderGradient, row, d, (float) clip, rate, root);
            if (rules.unitRows()) {
              double norm = Math.sqrt(Kernels.squares(state.decoder.value, row, d));
              Kernels.scale(state.decoder.value, row, d, (float) (1 / norm));
            }
            encoderMirror.floats().put(row, state.encoder.value, row, d);
            decoderMirror.floats().put(row, state.decoder.value, row, d);
          }
        });
    adam(state.decoderBias, decoderBiasGradient, 0, d, (float) clip, rate, root);
  }

  private static void adam(
      Parameter parameter, float[] gradient, int from, int count, float clip, float rate, float root) {
    adam(parameter.value, parameter.mean, parameter.variance, gradient, from, from + count, clip, rate, root);
  }

  private static void adam(
      float[] value, float[] mean, float[] variance, float[] gradient, int from, int to, float clip, float rate,
      float root) {
    float keep1 = (float) BETA_1;
    float keep2 = (float) BETA_2;
    float take1 = (float) (1 - BETA_1);
    float take2 = (float) (1 - BETA_2);
    float epsilon = (float) EPSILON;
    for (int i = from; i < to; i++) {
      float g = gradient[i] * clip;
      float m = keep1 * mean[i] + take1 * g;
      float v = keep2 * variance[i] + take2 * g * g;
      mean[i] = m;
      variance[i] = v;
      value[i] -= rate * m / ((float) Math.sqrt(v) * root + epsilon);
    }
  }

  private static double sum(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum;
  }
}
