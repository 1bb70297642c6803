package org.refusal.activation;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;

/**
 * Attention sinks of one hook point (docs/definitions.md): tokens whose norm exceeds a multiple of the median norm.
 *
 * @param medianNorm median of ||x|| over the training set
 * @param threshold a token is a sink when its norm is larger
 * @param tokens tokens of the training set
 * @param sinks how many of them are sinks
 * @param positions position in the prompt to number of sinks there
 * @param smallestNorm of the sinks; 0 without sinks
 * @param largestNorm of the sinks; 0 without sinks
 */
public record Sinks(
    HookPoint at,
    double medianNorm,
    double threshold,
    long tokens,
    long sinks,
    Map<Integer, Long> positions,
    double smallestNorm,
    double largestNorm) {
  /**
   * A larger share of sinks is an error: then they are no exceptions. Tokens of the template are not counted: positions that
   * every prompt has, with a sink in all of them. Qwen2.5 has seven in its 25 tokens before the user's text.
   */
  public static final double MAX_SHARE = .05;

  public boolean isSink(double norm) {
    return norm > threshold;
  }

  /** ||row|| of every row of a {@code [rows, width]} array. */
  public static double[] norms(float[] rows, int width) {
    double[] norms = new double[rows.length / width];
    for (int row = 0; row < norms.length; row++) {
      norms[row] = norm(rows, row * width, width);
    }
    return norms;
  }

  static double norm(float[] values, int from, int width) {
    double sum = 0;
    for (int i = from; i < from + width; i++) {
      sum += (double) values[i] * values[i];
    }
    return Math.sqrt(sum);
  }

  /**
   * Reads every row of the training prompts once; holds one norm per token.
   *
   * @throws UserException when there is no token, or more than {@link #MAX_SHARE} of the tokens outside the template are sinks
   */
  public static Sinks find(ActivationStore store, HookPoint at, List<StoredPrompt> training, double factor) {
    store.require(at);
    double[] norms = new double[Math.toIntExact(training.stream().mapToLong(StoredPrompt::tokens).sum())];
    int[] positions = new int[norms.length];
    int next = 0;
    for (StoredPrompt prompt : training) {
      double[] ofPrompt = norms(store.rows(prompt, at), store.dModel());
      System.arraycopy(ofPrompt, 0, norms, next, ofPrompt.length);
      System.arraycopy(store.positions(prompt), 0, positions, next, ofPrompt.length);
      next += ofPrompt.length;
    }
    return of(at, norms, positions, factor);
  }

  /** @param positions position in its prompt of every token */
  public static Sinks of(HookPoint at, double[] norms, int[] positions, double factor) {
    if (norms.length == 0) {
      throw UserException.badData(at.name() + ": no token in the training set");
    }
    double[] sorted = norms.clone();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    double median = sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    double threshold = factor * median;
    Map<Integer, Long> byPosition = new TreeMap<>();
    Map<Integer, Long> tokensAt = new TreeMap<>();
    long count = 0;
    double smallest = Double.POSITIVE_INFINITY;
    double largest = 0;
    for (int i = 0; i < norms.length; i++) {
      tokensAt.merge(positions[i], 1L, Long::sum);
      if (norms[i] > threshold) {
        count++;
        byPosition.merge(positions[i], 1L, Long::sum);
        smallest = Math.min(smallest, norms[i]);
        largest = Math.max(largest, norms[i]);
      }
    }
    long ofTemplate = ofTemplate(byPosition, tokensAt);
    long counted = count - ofTemplate;
    long outside = norms.length - ofTemplate;
    if (counted > MAX_SHARE * outside) {
      throw UserException.badData(
          "%s: %d of %d tokens (%.1f %%)%s are attention sinks (norm above %.4g x the median %.4g); at most %.0f %% may be"
              .formatted(
                  at.name(), counted, outside, 100.0 * counted / outside,
                  ofTemplate == 0 ? "" : " outside the positions at which every prompt has one", factor, median,
                  100 * MAX_SHARE),
          at.site().isStream()
              ? "leave this hook point out of model.activation_layers, or raise sae.sink_factor"
              : "a block that writes next to nothing at most tokens has loud tokens, not sinks: raise sae.sink_factor;"
                  + " otherwise leave this hook point out of model.activation_layers");
    }
    return new Sinks(
        at, median, threshold, norms.length, count, byPosition, count == 0 ? 0 : smallest, largest);
  }

  /** Sinks at positions that every prompt has and at which every one of them has a sink. */
  private static long ofTemplate(Map<Integer, Long> sinksAt, Map<Integer, Long> tokensAt) {
    long prompts = tokensAt.values().stream().mapToLong(Long::longValue).max().orElse(0);
    return sinksAt.entrySet().stream()
        .filter(at -> at.getValue() == prompts && tokensAt.get(at.getKey()) == prompts)
        .mapToLong(Map.Entry::getValue)
        .sum();
  }
}
