package org.refusal.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import org.refusal.torch.TorchOps;

/**
 * The active latents of a batch with their values and gradients: a sparse matrix {@code [tokens, d_sae]}, by token and,
 * once grouped, by latent. Products with it cost {@code entries d_in}.
 */
final class ActiveLatents {
  private final NDManager manager;
  private final int slots;
  private final int dSae;
  private final int[] counts; // [tokens]
  private final int[] latents; // [tokens, slots]
  private final float[] values; // [tokens, slots]
  private final int[] offsets; // [d_sae + 1], into what is by latent

  private final NativeFloats tokenOffsets; // [tokens]
  private final NativeFloats latentsByToken; // [entries]
  private final NativeFloats valuesByToken;
  private final NativeFloats latentOffsets; // [d_sae]
  private final NativeFloats tokensByLatent; // [entries]
  private final NativeFloats latentOf;
  private final NativeFloats valuesByLatent;
  private final NativeFloats gradientsByLatent;
  private int entries;

  /** @param slots at most so many per token */
  ActiveLatents(int tokens, int slots, int dSae, NDManager manager) {
    this.manager = manager;
    this.slots = slots;
    this.dSae = dSae;
    int size = Math.multiplyExact(tokens, slots);
    counts = new int[tokens];
    latents = new int[size];
    values = new float[size];
    offsets = new int[dSae + 1];
    tokenOffsets = new NativeFloats(tokens);
    latentsByToken = new NativeFloats(size);
    valuesByToken = new NativeFloats(size);
    latentOffsets = new NativeFloats(dSae);
    tokensByLatent = new NativeFloats(size);
    latentOf = new NativeFloats(size);
    valuesByLatent = new NativeFloats(size);
    gradientsByLatent = new NativeFloats(size);
  }

  /** Chooses the latents of a token from its pre-activations {@code [tokens, d_sae]}; see {@link Kernels#topPositive}. */
  void choose(int token, float[] pre, int[] candidates, int n) {
    counts[token] =
        Kernels.topPositive(pre, token * dSae, candidates, n, slots, latents, values, token * slots);
  }

  /** Orders what was chosen for every token, by token and by latent; within a latent by token. */
  void group(int tokens) {
    Arrays.fill(offsets, 0);
    int next = 0;
    for (int t = 0; t < tokens; t++) {
      tokenOffsets.ints().put(t, next);
      latentsByToken.ints().put(next, latents, t * slots, counts[t]);
      valuesByToken.floats().put(next, values, t * slots, counts[t]);
      next += counts[t];
      for (int j = t * slots; j < t * slots + counts[t]; j++) {
        offsets[latents[j] + 1]++;
      }
    }
    entries = next;
    for (int i = 0; i < dSae; i++) {
      offsets[i + 1] += offsets[i];
    }
    latentOffsets.ints().put(0, offsets, 0, dSae);
    int[] places = Arrays.copyOf(offsets, dSae);
    for (int t = 0; t < tokens; t++) {
      for (int j = t * slots; j < t * slots + counts[t]; j++) {
        int place = places[latents[j]]++;
        tokensByLatent.ints().put(place, t);
        latentOf.ints().put(place, latents[j]);
        valuesByLatent.floats().put(place, values[j]);
      }
    }
  }

  boolean isEmpty() {
    return entries == 0;
  }

  /** Sum of value x decoder row for every token {@code [tokens, d_in]}; not for an empty batch. */
  NDArray decode(NDArray decoder, int tokens) {
    return TorchOps.weightedRowSums(
        decoder, latentsByToken.intVector(manager, 0, entries), tokenOffsets.intVector(manager, 0, tokens),
        valuesByToken.vector(manager, 0, entries));
  }

  /** Gradients of the latents: output gradient . decoder row, plus a constant. */
  void differentiate(NDArray outputGradient, NDArray decoder, float constant) {
    if (isEmpty()) {
      return;
    }
    NDArray dots =
        TorchOps.rowDots(
            decoder, outputGradient, tokensByLatent.intVector(manager, 0, entries),
            latentOffsets.intVector(manager, 0, dSae), latentOf.intVector(manager, 0, entries));
    float[] gradients = dots.toFloatArray();
    for (int e = 0; constant != 0 && e < entries; e++) {
      gradients[e] += constant;
    }
    gradientsByLatent.floats().put(0, gradients, 0, entries);
  }

  /** Tokens at which the latent is active. */
  int count(int latent) {
    return offsets[latent + 1] - offsets[latent];
  }

  /** Whether no latent in {@code from .. to - 1} is active. */
  boolean isIdle(int from, int to) {
    return offsets[from] == offsets[to];
  }

  /** Sum over tokens of value x row of {@code outputGradient}, for latents {@code from .. to - 1}; not if they are idle. */
  NDArray decoderGradient(NDArray outputGradient, int from, int to) {
    return sums(outputGradient, valuesByLatent, from, to);
  }

  /** Sum over tokens of the latent's gradient x row of {@code input}, likewise. */
  NDArray encoderGradient(NDArray input, int from, int to) {
    return sums(input, gradientsByLatent, from, to);
  }

  private NDArray sums(NDArray table, NativeFloats weights, int from, int to) {
    int first = offsets[from];
    int[] relative = new int[to - from];
    for (int i = from; i < to; i++) {
      relative[i - from] = offsets[i] - first;
    }
    return TorchOps.weightedRowSums(
        table, tokensByLatent.intVector(manager, first, offsets[to]), manager.create(relative),
        weights.vector(manager, first, offsets[to]));
  }

  double gradientSum(int latent) {
    double sum = 0;
    for (int e = offsets[latent]; e < offsets[latent + 1]; e++) {
      sum += gradientsByLatent.floats().get(e);
    }
    return sum;
  }

  double valueSum() {
    double sum = 0;
    for (int e = 0; e < entries; e++) {
      sum += valuesByToken.floats().get(e);
    }
    return sum;
  }

  double perToken(int tokens) {
    return (double) entries / tokens;
  }
}
