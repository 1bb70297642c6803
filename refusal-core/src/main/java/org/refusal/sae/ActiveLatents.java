package org.refusal.sae;

import java.util.Arrays;

/** The active latents of a batch with their values and gradients, by token and, once grouped, by latent. */
final class ActiveLatents {
  private final int slots;
  private final int dSae;
  private final int[] counts; // [tokens]
  private final int[] latents; // [tokens, slots]
  private final float[] values; // [tokens, slots]
  private final float[] gradients; // [tokens, slots]
  private final int[] offsets; // [d_sae + 1], into the three below
  private final int[] tokensByLatent;
  private final float[] valuesByLatent;
  private final float[] gradientsByLatent;

  /** @param slots at most so many per token */
  ActiveLatents(int tokens, int slots, int dSae) {
    this.slots = slots;
    this.dSae = dSae;
    int size = Math.multiplyExact(tokens, slots);
    counts = new int[tokens];
    latents = new int[size];
    values = new float[size];
    gradients = new float[size];
    offsets = new int[dSae + 1];
    tokensByLatent = new int[size];
    valuesByLatent = new float[size];
    gradientsByLatent = new float[size];
  }

  int slots() {
    return slots;
  }

  /** Chooses the latents of a token from its pre-activations {@code [tokens, d_sae]}; see {@link Kernels#topPositive}. */
  void choose(int token, float[] pre, int[] candidates, int n) {
    counts[token] =
        Kernels.topPositive(pre, token * dSae, candidates, n, slots, latents, values, token * slots);
  }

  /** Adds sum of value x decoder row to the token's row of {@code out [tokens, width]}, in a block of columns. */
  void decode(int token, float[] out, float[] decoder, int width, int first, int end) {
    int from = token * slots;
    Kernels.addRows(out, token, decoder, latents, values, from, from + counts[token], width, first, end);
  }

  /** Sets the gradients of a token's latents. */
  void startGradients(int token, float constant) {
    Arrays.fill(gradients, token * slots, token * slots + counts[token], constant);
  }

  /** Adds output gradient . decoder row, over a block of columns, to the gradients of a token's latents. */
  void differentiate(int token, float[] outputGradient, float[] decoder, int width, int first, int end) {
    int from = token * slots;
    Kernels.dotRows(
        gradients, outputGradient, token, decoder, latents, from, from + counts[token], width, first, end);
  }

  /** Orders the entries by latent, within a latent by token. */
  void groupByLatent(int tokens) {
    Arrays.fill(offsets, 0);
    for (int t = 0; t < tokens; t++) {
      for (int j = t * slots; j < t * slots + counts[t]; j++) {
        offsets[latents[j] + 1]++;
      }
    }
    for (int i = 0; i < dSae; i++) {
      offsets[i + 1] += offsets[i];
    }
    int[] next = Arrays.copyOf(offsets, dSae);
    for (int t = 0; t < tokens; t++) {
      for (int j = t * slots; j < t * slots + counts[t]; j++) {
        int place = next[latents[j]]++;
        tokensByLatent[place] = t;
        valuesByLatent[place] = values[j];
        gradientsByLatent[place] = gradients[j];
      }
    }
  }

  /** Tokens at which the latent is active; after {@link #groupByLatent}. */
  int count(int latent) {
    return offsets[latent + 1] - offsets[latent];
  }

  /** Adds sum over tokens of value x row of {@code outputGradient} to the latent's decoder gradient. */
  void addDecoderGradient(int latent, float[] gradient, float[] outputGradient, int width, int first, int end) {
    Kernels.addRows(
        gradient, latent, outputGradient, tokensByLatent, valuesByLatent, offsets[latent], offsets[latent + 1], width,
        first, end);
  }

  /** Adds sum over tokens of the latent's gradient x row of {@code input} to the latent's encoder gradient. */
  void addEncoderGradient(int latent, float[] gradient, float[] input, int width, int first, int end) {
    Kernels.addRows(
        gradient, latent, input, tokensByLatent, gradientsByLatent, offsets[latent], offsets[latent + 1], width, first,
        end);
  }

  double gradientSum(int latent) {
    double sum = 0;
    for (int j = offsets[latent]; j < offsets[latent + 1]; j++) {
      sum += gradientsByLatent[j];
    }
    return sum;
  }

  double valueSum(int tokens) {
    double sum = 0;
    for (int t = 0; t < tokens; t++) {
      for (int j = t * slots; j < t * slots + counts[t]; j++) {
        sum += values[j];
      }
    }
    return sum;
  }

  double perToken(int tokens) {
    long sum = 0;
    for (int t = 0; t < tokens; t++) {
      sum += counts[t];
    }
    return (double) sum / tokens;
  }
}
