package org.refusal.train;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.BiConsumer;
import org.refusal.base.Seeds;
import org.refusal.io.Safetensors;
import org.refusal.io.Safetensors.Tensor;
import org.refusal.sae.SaeWeights;

/** Weights, Adam's moments and the age of every latent: all that training carries from one step to the next. */
public final class SaeState {
  private static final String MEAN = ".mean";
  private static final String VARIANCE = ".variance";

  /** Rows that are transposed at a time: their cache lines stay in the cache. */
  private static final int TILE = 32;

  final int dIn;
  final int dSae;
  final Parameter encoder; // [d_sae, d_in]: row i is column i of W_enc
  final Parameter encoderBias; // [d_sae]
  final Parameter decoder; // [d_sae, d_in], unit rows
  final Parameter decoderBias; // [d_in]
  final long[] tokensSinceActive; // [d_sae]
  long step;

  /** A parameter with Adam's first and second moment. */
  static final class Parameter {
    final float[] value;
    final float[] mean;
    final float[] variance;

    Parameter(int size) {
      value = new float[size];
      mean = new float[size];
      variance = new float[size];
    }
  }

  SaeState(int dIn, int dSae) {
    this.dIn = dIn;
    this.dSae = dSae;
    int size = Math.multiplyExact(dIn, dSae);
    encoder = new Parameter(size);
    encoderBias = new Parameter(dSae);
    decoder = new Parameter(size);
    decoderBias = new Parameter(dIn);
    tokensSinceActive = new long[dSae];
  }

  /** Decoder rows in random directions, the encoder their transpose, biases b_dec as given and zero. */
  public static SaeState initial(int dSae, float[] decoderBias, long seed) {
    int dIn = decoderBias.length;
    SaeState state = new SaeState(dIn, dSae);
    Random normal = new Random(Seeds.derive(seed, "decoder"));
    float[] decoder = state.decoder.value;
    for (int row = 0; row < dSae; row++) {
      for (int i = 0; i < dIn; i++) {
        decoder[row * dIn + i] = (float) normal.nextGaussian();
      }
      double norm = Math.sqrt(Kernels.squares(decoder, row * dIn, dIn));
      Kernels.scale(decoder, row * dIn, dIn, (float) (1 / norm));
    }
    System.arraycopy(decoder, 0, state.encoder.value, 0, decoder.length);
    System.arraycopy(decoderBias, 0, state.decoderBias.value, 0, dIn);
    return state;
  }

  /** Encoder uniform in +-gain sqrt(6 / (d_in + d_sae)) (Xavier), the decoder its transpose, biases zero. */
  static SaeState xavier(int dIn, int dSae, double gain, long seed) {
    SaeState state = new SaeState(dIn, dSae);
    SplittableRandom random = Seeds.random(seed, "encoder");
    double bound = gain * Math.sqrt(6.0 / (dIn + dSae));
    float[] encoder = state.encoder.value;
    for (int i = 0; i < encoder.length; i++) {
      encoder[i] = (float) ((2 * random.nextDouble() - 1) * bound);
    }
    System.arraycopy(encoder, 0, state.decoder.value, 0, encoder.length);
    return state;
  }

  public SaeWeights weights(int k) {
    float[] wEnc = new float[encoder.value.length];
    for (int first = 0; first < dSae; first += TILE) {
      int end = Math.min(dSae, first + TILE);
      for (int i = 0; i < dIn; i++) {
        for (int row = first; row < end; row++) {
          wEnc[i * dSae + row] = encoder.value[row * dIn + i];
        }
      }
    }
    return new SaeWeights(
        dIn, dSae, k, wEnc, encoderBias.value.clone(), decoder.value.clone(), decoderBias.value.clone());
  }

  /**
   * Writes the state whole or not at all, with further tensors of the caller.
   *
   * @param finished no step will follow: Adam's moments are left out
   */
  void save(Path file, Map<String, Tensor> more, boolean finished) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    forEachArray(
        (name, values) -> {
          if (!finished || !isMoment(name)) {
            tensors.put(name, Tensor.of(values, values.length));
          }
        });
    tensors.put("tokens_since_active", Tensor.of(tokensSinceActive, dSae));
    tensors.put("step", Tensor.of(new long[] {step}, 1));
    tensors.putAll(more);
    Safetensors.write(file, tensors, Map.of());
  }

  void load(Safetensors file) {
    boolean finished = !file.has("W_enc" + MEAN);
    forEachArray(
        (name, values) -> {
          if (!finished || !isMoment(name)) {
            System.arraycopy(file.floats(name), 0, values, 0, values.length);
          }
        });
    System.arraycopy(file.longs("tokens_since_active"), 0, tokensSinceActive, 0, dSae);
    step = file.longs("step")[0];
  }

  private static boolean isMoment(String name) {
    return name.endsWith(MEAN) || name.endsWith(VARIANCE);
  }

  private void forEachArray(BiConsumer<String, float[]> consumer) {
    Map<String, Parameter> parameters = new LinkedHashMap<>();
    parameters.put("W_enc", encoder);
    parameters.put("b_enc", encoderBias);
    parameters.put("W_dec", decoder);
    parameters.put("b_dec", decoderBias);
    parameters.forEach(
        (name, parameter) -> {
          consumer.accept(name, parameter.value);
          consumer.accept(name + MEAN, parameter.mean);
          consumer.accept(name + VARIANCE, parameter.variance);
        });
  }
}
