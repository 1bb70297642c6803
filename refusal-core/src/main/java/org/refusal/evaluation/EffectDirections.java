package org.refusal.evaluation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.refusal.attribution.EffectVectors;
import org.refusal.attribution.Readout;
import org.refusal.base.Seeds;
import org.refusal.circuit.HookPoint;
import org.refusal.stats.ReadDirections;

/**
 * The effect direction of every category at one hook point (docs/evaluation.md): the mean over its refused discovery
 * prompts of B Bᵀ v_p, normalised; and the same of resampled prompts, the read-out B made anew from them.
 *
 * @param directions by category {@code [K][0 or 1][d_model]}; none where the mean is zero
 * @param resamples {@code [resample][K][0 or 1][d_model]}
 */
public record EffectDirections(List<double[][]> directions, List<List<double[][]>> resamples) {

  /**
   * @param vectors of the categories that are evaluated
   * @param categories their names, in the order of the vectors
   * @param resamples how many; each draws as many prompts of every category with replacement
   */
  public static EffectDirections of(
      EffectVectors vectors, List<String> categories, Readout readout, Readout.Kind kind, int resamples, long seed,
      HookPoint at) {
    double[] once = new double[vectors.categories().length];
    Arrays.fill(once, 1);
    List<double[][]> directions = directions(vectors, once, readout.basis(kind));
    int[] shaping =
        IntStream.of(vectors.categories())
            .map(c -> Double.isNaN(held(readout, categories.get(c))) ? -1 : c)
            .toArray();
    List<List<double[][]>> resampled = new ArrayList<>();
    for (int b = 0; b < resamples; b++) {
      double[] counts =
          ReadDirections.resample(
              vectors.categories(), vectors.count(),
              Seeds.random(seed, "effect direction", at.name(), Integer.toString(b)));
      double[][] basis =
          kind == Readout.Kind.POOLED
              ? readout.basis(kind)
              : readout.reproducible().resampled(vectors.gradients(), shaping, vectors.count(), counts);
      resampled.add(directions(vectors, counts, basis));
    }
    return new EffectDirections(directions, resampled);
  }

  private static double held(Readout readout, String category) {
    int at = readout.categories().indexOf(category);
    return at < 0 ? Double.NaN : readout.reproducible().held()[at];
  }

  private static List<double[][]> directions(EffectVectors vectors, double[] weights, double[][] basis) {
    return spans(
        ReadDirections.of(vectors.differences(), vectors.categories(), vectors.count(), weights, basis));
  }

  /** Spans of one direction, or of none where it is zero. */
  private static List<double[][]> spans(double[][] directions) {
    List<double[][]> spans = new ArrayList<>();
    for (double[] direction : directions) {
      spans.add(Directions.unit(direction));
    }
    return spans;
  }
}
