package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import org.refusal.sae.SaeState.Parameter;

/**
 * One training step of METHODS 3 (Gao et al. 2024, sections 2 and A.2) on the CPU, with gradients derived by hand.
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
 * Cost: one dense product {@code tokens d_in d_sae}; everything else {@code tokens k d_in}, and Adam's
 * {@code d_in d_sae}. Sums over tokens run in token order, so that the result does not depend on the number of threads,
 * but for the rounding of the dense product.
 */
final class SparseTrainingStep {
  static final double AUX_WEIGHT = 1.0 / 32;
  private static final double BETA_1 = .9;
  private static final double BETA_2 = .999;
  private static final double EPSILON = 1e-8;

  /**
   * In what the two variants of the autoencoder differ.
   *
   * @param centred the encoder sees x - b_dec; otherwise x
   * @param perVariance the loss is FVU; otherwise the mean square over tokens and dimensions
   * @param unitRows decoder rows keep unit norm
   * @param maxGradientNorm of all gradients together; larger ones are scaled down
   */
  record Rules(boolean centred, boolean perVariance, boolean unitRows, double maxGradientNorm) {
    /** METHODS 3. */
    static final Rules TOP_K = new Rules(true, true, true, 1);

    /** The original project's autoencoder: plain MSE, nothing constrained. */
    static final Rules LEGACY = new Rules(false, false, false, Double.POSITIVE_INFINITY);
  }

  /**
   * What a step saw, before it changed the weights.
   *
   * @param fvu the reconstruction term of the loss: FVU, or the mean square under {@link Rules#LEGACY}
   * @param auxFvu FVU of the residual's reconstruction from dead latents; 0 when none is dead
   * @param l0 active latents per token
   * @param dead latents that were dead
   */
  record Outcome(double loss, double fvu, double auxFvu, double l0, int dead, double gradientNorm) {}

  private final SaeState state;
  private final Rules rules;
  private final int k;
  private final double sparsityCoeff;
  private final long deadAfter;
  private final Parallel parallel;
  private final NDManager manager;
  private final ByteBuffer encoderMirror; // W_enc rows where libtorch can read them
  private final float[] encoderGradient; // [d_sae, d_in]
  private final float[] decoderGradient; // [d_sae, d_in]
  private final float[] encoderBiasGradient; // [d_sae]
  private final float[] decoderBiasGradient; // [d_in]

  private int capacity;
  private ByteBuffer centredMirror;
  private float[] centred; // x - b_dec [tokens, d_in]
  private float[] pre; // [tokens, d_sae]
  private float[] residual; // r, then g [tokens, d_in]
  private float[] auxResidual; // ê - e, then g' [tokens, d_in]
  private ActiveLatents active;
  private ActiveLatents revived;

  SparseTrainingStep(
      SaeState state, Rules rules, int k, double sparsityCoeff, long deadAfter, Parallel parallel,
      NDManager manager) {
    this.state = state;
    this.rules = rules;
    this.k = k;
    this.sparsityCoeff = sparsityCoeff;
    this.deadAfter = deadAfter;
    this.parallel = parallel;
    this.manager = manager;
    int size = state.encoder.value.length;
    encoderMirror = direct(size);
    encoderMirror.asFloatBuffer().put(state.encoder.value);
    encoderGradient = new float[size];
    decoderGradient = new float[size];
    encoderBiasGradient = new float[state.dSae];
    decoderBiasGradient = new float[state.dIn];
  }

  private static ByteBuffer direct(int floats) {
    return ByteBuffer.allocateDirect(Math.multiplyExact(floats, Float.BYTES)).order(ByteOrder.nativeOrder());
  }

  private void ensure(int tokens) {
    if (tokens <= capacity) {
      return;
    }
    capacity = tokens;
    int size = Math.multiplyExact(tokens, state.dIn);
    centredMirror = direct(size);
    centred = new float[size];
    residual = new float[size];
    pre = new float[Math.multiplyExact(tokens, state.dSae)];
    active = new ActiveLatents(tokens, k, state.dSae);
    revived = null;
  }

  /**
   * Computes loss and gradients on a batch and updates the state. When the loss is not finite, the state stays as it is.
   *
   * @param x {@code [tokens, d_in]}
   */
  Outcome run(float[] x, int tokens, double learningRate) {
    ensure(tokens);
    centre(x, tokens);
    multiplyByEncoder(tokens);
    double[] squares = new double[tokens];
    parallel.forEach(tokens, (from, to) -> reconstruct(x, squares, from, to));
    double total = rules.perVariance() ? squaresAboutMean(x, tokens) : (double) tokens * state.dIn;
    double fvu = sum(squares) / total;

    int[] dead = deadLatents();
    double auxFvu = dead.length == 0 ? 0 : reviveDead(dead, tokens);
    boolean reviving = auxFvu > 0;
    double entries = (double) tokens * state.dSae;
    double loss = fvu + AUX_WEIGHT * auxFvu + sparsityCoeff * active.valueSum(tokens) / entries;
    double l0 = active.perToken(tokens);
    if (!Double.isFinite(loss)) {
      return new Outcome(loss, fvu, auxFvu, l0, dead.length, Double.NaN);
    }

    differentiate(active, residual, tokens, 2 / total, sparsityCoeff / entries);
    double[] norms = new double[state.dSae];
    parallel.forEach(state.dSae, (from, to) -> weightGradients(norms, reviving, from, to));
    differentiateDecoderBias(tokens);
    double norm =
        Math.sqrt(
            sum(norms)
                + Kernels.squares(encoderBiasGradient, 0, state.dSae)
                + Kernels.squares(decoderBiasGradient, 0, state.dIn));
    state.step++;
    update(learningRate, Math.min(1, rules.maxGradientNorm() / (norm + 1e-6)));
    for (int i = 0; i < state.dSae; i++) {
      state.tokensSinceActive[i] = active.count(i) > 0 ? 0 : state.tokensSinceActive[i] + tokens;
    }
    return new Outcome(loss, fvu, auxFvu, l0, dead.length, norm);
  }

  private void centre(float[] x, int tokens) {
    int d = state.dIn;
    FloatBuffer mirror = centredMirror.asFloatBuffer();
    parallel.forEach(
        tokens,
        (from, to) -> {
          for (int t = from; t < to; t++) {
            System.arraycopy(x, t * d, centred, t * d, d);
            if (rules.centred()) {
              Kernels.addOne(centred, t * d, state.decoderBias.value, 0, -1, d);
            }
          }
          mirror.put(from * d, centred, from * d, (to - from) * d);
        });
  }

  private void multiplyByEncoder(int tokens) {
    try (NDManager scope = manager.newSubManager()) {
      ByteBuffer part = centredMirror.duplicate().limit(tokens * state.dIn * Float.BYTES).slice();
      NDArray left = scope.create(part, new Shape(tokens, state.dIn), DataType.FLOAT32);
      NDArray right = scope.create(encoderMirror.duplicate(), new Shape(state.dSae, state.dIn), DataType.FLOAT32);
      left.matMul(right.transpose()) // [tokens, d_sae]
          .toByteBuffer(true)
          .order(ByteOrder.nativeOrder())
          .asFloatBuffer()
          .get(pre, 0, tokens * state.dSae);
    }
  }

  /** Latents and r = x̂ - x of some tokens. */
  private void reconstruct(float[] x, double[] squares, int from, int to) {
    int d = state.dIn;
    int n = state.dSae;
    for (int t = from; t < to; t++) {
      Kernels.addOne(pre, t * n, state.encoderBias.value, 0, 1, n);
      active.choose(t, pre, null, n);
      System.arraycopy(state.decoderBias.value, 0, residual, t * d, d);
      Kernels.addOne(residual, t * d, x, t * d, -1, d);
    }
    decode(active, residual, squares, from, to);
  }

  /** Adds the decoded latents to some rows of {@code out [tokens, d_in]}; squared norms of the sums. */
  private void decode(ActiveLatents latents, float[] out, double[] squares, int from, int to) {
    int d = state.dIn;
    Kernels.forColumnBlocks(
        d,
        state.dSae,
        (first, end) -> {
          for (int t = from; t < to; t++) {
            latents.decode(t, out, state.decoder.value, d, first, end);
          }
        });
    for (int t = from; t < to; t++) {
      squares[t] = Kernels.squares(out, t * d, d);
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
  private double reviveDead(int[] dead, int tokens) {
    int d = state.dIn;
    int slots = Math.max(1, d / 2);
    if (revived == null) {
      revived = new ActiveLatents(capacity, slots, state.dSae);
      auxResidual = new float[residual.length];
    }
    double total = squaresAboutMean(residual, tokens);
    if (total == 0) {
      return 0;
    }
    double[] squares = new double[tokens];
    parallel.forEach(
        tokens,
        (from, to) -> {
          System.arraycopy(residual, from * d, auxResidual, from * d, (to - from) * d);
          for (int t = from; t < to; t++) {
            revived.choose(t, pre, dead, dead.length);
          }
          decode(revived, auxResidual, squares, from, to);
        });
    differentiate(revived, auxResidual, tokens, AUX_WEIGHT * 2 / total, 0);
    return sum(squares) / total;
  }

  /** Turns residuals into output gradients, and those into gradients of the latents. */
  private void differentiate(ActiveLatents latents, float[] residuals, int tokens, double scale, double constant) {
    int d = state.dIn;
    parallel.forEach(
        tokens,
        (from, to) -> {
          Kernels.scale(residuals, from * d, (to - from) * d, (float) scale);
          for (int t = from; t < to; t++) {
            latents.startGradients(t, (float) constant);
          }
          Kernels.forColumnBlocks(
              d,
              state.dSae,
              (first, end) -> {
                for (int t = from; t < to; t++) {
                  latents.differentiate(t, residuals, state.decoder.value, d, first, end);
                }
              });
        });
    latents.groupByLatent(tokens);
  }

  private void weightGradients(double[] norms, boolean reviving, int from, int to) {
    int d = state.dIn;
    Arrays.fill(encoderGradient, from * d, to * d, 0);
    Arrays.fill(decoderGradient, from * d, to * d, 0);
    addWeightGradients(active, residual, from, to);
    if (reviving) {
      addWeightGradients(revived, auxResidual, from, to);
    }
    for (int i = from; i < to; i++) {
      encoderBiasGradient[i] = (float) (active.gradientSum(i) + (reviving ? revived.gradientSum(i) : 0));
      if (rules.unitRows()) {
        float along = Kernels.dot(decoderGradient, i * d, state.decoder.value, i * d, d);
        Kernels.addOne(decoderGradient, i * d, state.decoder.value, i * d, -along, d);
      }
      norms[i] = Kernels.squares(encoderGradient, i * d, d) + Kernels.squares(decoderGradient, i * d, d);
    }
  }

  private void addWeightGradients(ActiveLatents latents, float[] outputGradient, int from, int to) {
    int d = state.dIn;
    Kernels.forColumnBlocks(
        d,
        2 * capacity,
        (first, end) -> {
          for (int i = from; i < to; i++) {
            latents.addDecoderGradient(i, decoderGradient, outputGradient, d, first, end);
            latents.addEncoderGradient(i, encoderGradient, centred, d, first, end);
          }
        });
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
    FloatBuffer mirror = encoderMirror.asFloatBuffer();
    parallel.forEach(
        state.dSae,
        (from, to) -> {
          int count = (to - from) * d;
          adam(state.encoder, encoderGradient, from * d, count, (float) clip, rate, root);
          adam(state.encoderBias, encoderBiasGradient, from, to - from, (float) clip, rate, root);
          adam(state.decoder, decoderGradient, from * d, count, (float) clip, rate, root);
          for (int i = from; rules.unitRows() && i < to; i++) {
            double norm = Math.sqrt(Kernels.squares(state.decoder.value, i * d, d));
            Kernels.scale(state.decoder.value, i * d, d, (float) (1 / norm));
          }
          mirror.put(from * d, state.encoder.value, from * d, count);
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
