package org.refusal.evaluation;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * The latents that drive refusal (docs/evaluation.md, latent form): those whose prompt-side effect is negative, largest first,
 * until they carry the share of all driving effect.
 *
 * @param latents largest effect first
 * @param effects mean prompt-side indirect effect of each, negative, nats
 * @param share of the driving prompt-side effect that they carry; below what was asked for where the cap cut
 */
public record DrivingLatents(int[] latents, double[] effects, double share) {

  /** @param promptSide mean prompt-side indirect effect of every latent {@code [d_sae]} */
  public static DrivingLatents of(double[] promptSide, double share, int cap) {
    int[] driving =
        IntStream.range(0, promptSide.length)
            .filter(i -> promptSide[i] < 0)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> promptSide[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    double total = Arrays.stream(driving).mapToDouble(i -> promptSide[i]).sum();
    int count = 0;
    double sum = 0;
    while (count < driving.length && count < cap && sum > share * total) {
      sum += promptSide[driving[count++]];
    }
    int[] chosen = Arrays.copyOf(driving, count);
    double[] effects = Arrays.stream(chosen).mapToDouble(i -> promptSide[i]).toArray();
    return new DrivingLatents(chosen, effects, total == 0 ? 0 : sum / total);
  }
}
