package org.refusal.trial;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.refusal.base.Seeds;
import org.refusal.circuit.HookPoint;
import org.refusal.config.TransferForm;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.ReadDirections;
import org.refusal.stats.ReproducibleReadout;
import org.refusal.stats.TransferDrops;
import org.refusal.stats.Vectors;
import org.refusal.verdict.SharingEvidence;
import org.refusal.verdict.SharingEvidence.AtHookPoint;
import org.refusal.verdict.SharingEvidence.AttributionCheck;
import org.refusal.verdict.SharingEvidence.ReadoutSummary;

/**
 * Transfer between categories where the model is linear above the hook point: read-out, effect directions and their
 * resamples are made as for a model's prompts (the same code), and taking along a direction e what prompt p differs by from
 * its partner along its own category's direction f takes (g_p · e)(f · v_p) from its m.
 *
 * @param readout of the discovery prompts
 * @param drops of the effect form on the held-out prompts
 * @param gap {@code [category][held-out prompt]}
 * @param projected y_p = B Bᵀ v_p of the discovery prompts {@code [n][d]}
 * @param labels category of each discovery prompt
 */
record LinearTransfer(
    ReproducibleReadout readout, TransferDrops drops, double[][] gap, double[][] projected, int[] labels) {

  /**
   * Prompts as the effect form sees them.
   *
   * @param gradients g_p {@code [n][d]}
   * @param differences v_p {@code [n][d]}
   * @param gaps m less m of the partner {@code [n]}
   * @param categories 0..count-1 of each
   */
  record Prompts(double[][] gradients, double[][] differences, double[] gaps, int[] categories, int count) {
    int[] rows(int category) {
      return IntStream.range(0, categories.length).filter(p -> categories[p] == category).toArray();
    }

    Prompts select(int[] rows, int[] labels, int labelCount) {
      return new Prompts(
          IntStream.of(rows).mapToObj(row -> gradients[row]).toArray(double[][]::new),
          IntStream.of(rows).mapToObj(row -> differences[row]).toArray(double[][]::new),
          IntStream.of(rows).mapToDouble(row -> gaps[row]).toArray(),
          labels,
          labelCount);
    }
  }

  /** What is random beside the prompts. */
  record Draws(int resamples, int controls, long seed) {}

  static LinearTransfer measure(Prompts discovery, Prompts heldout, Draws draws) {
    int k = discovery.count();
    ReproducibleReadout readout =
        ReproducibleReadout.of(
            discovery.gradients(), discovery.differences(), discovery.categories(), k,
            Seeds.random(draws.seed(), "readout"));
    double[] once = new double[discovery.categories().length];
    Arrays.fill(once, 1);
    double[][][][] resamples = new double[draws.resamples()][][][];
    for (int b = 0; b < resamples.length; b++) {
      double[] counts =
          ReadDirections.resample(
              discovery.categories(), k, Seeds.random(draws.seed(), "effect direction", Integer.toString(b)));
      double[][] basis = readout.resampled(discovery.gradients(), discovery.categories(), k, counts);
      resamples[b] = drops(directions(discovery, counts, basis), heldout);
    }
    SplittableRandom random = Seeds.random(draws.seed(), "controls");
    int width = discovery.gradients()[0].length;
    double[][] own = directions(discovery, once, readout.basis());
    double[][][] controls = new double[draws.controls()][k][];
    for (double[][] control : controls) {
      for (int j = 0; j < k; j++) {
        control[j] = drops(unit(width, random), own[j], heldout, heldout.rows(j));
      }
    }
    return new LinearTransfer(
        readout,
        new TransferDrops(
            drops(own, heldout), controls, resamples),
        IntStream.range(0, k)
            .mapToObj(j -> IntStream.of(heldout.rows(j)).mapToDouble(p -> heldout.gaps()[p]).toArray())
            .toArray(double[][]::new),
        Arrays.stream(discovery.differences())
            .map(v -> Vectors.project(readout.basis(), v))
            .toArray(double[][]::new),
        discovery.categories());
  }

  private static double[][] directions(Prompts discovery, double[] weights, double[][] basis) {
    return ReadDirections.of(discovery.differences(), discovery.categories(), discovery.count(), weights, basis);
  }

  private static double[] unit(int width, SplittableRandom random) {
    double[] direction = new double[width];
    for (int i = 0; i < width; i++) {
      direction[i] = random.nextGaussian();
    }
    return Vectors.unit(direction);
  }

  /** Raw drops {@code [i][j][prompt]}. */
  private static double[][][] drops(double[][] directions, Prompts heldout) {
    int k = heldout.count();
    double[][][] drops = new double[k][k][];
    for (int j = 0; j < k; j++) {
      int[] rows = heldout.rows(j);
      for (int i = 0; i < k; i++) {
        drops[i][j] = drops(directions[i], directions[j], heldout, rows);
      }
    }
    return drops;
  }

  /** @param own the direction of the prompts' own category, which says how much is taken */
  private static double[] drops(double[] direction, double[] own, Prompts prompts, int[] rows) {
    return IntStream.of(rows)
        .mapToDouble(p -> Vectors.dot(prompts.gradients()[p], direction) * Vectors.dot(prompts.differences()[p], own))
        .toArray();
  }

  /**
   * Evidence of one hook point, residuals_0, at which the model decides: below it there is no layer that could object, and
   * metric and attribution check are those of a clear case, so that nothing but the question of one cause or several is
   * asked.
   */
  SharingEvidence evidence(long seed) {
    int k = gap.length;
    int n = projected.length;
    SplittableRandom random = Seeds.random(seed, "evidence");
    List<String> names = new ArrayList<>();
    for (int c = 0; c < k; c++) {
      names.add("category-" + (char) ('a' + c));
    }
    int[] tokens = new int[n];
    double[] refused = new double[n];
    double[] complied = new double[n];
    for (int p = 0; p < n; p++) {
      tokens[p] = 5 + random.nextInt(40);
      refused[p] = 3 + random.nextGaussian();
      complied[p] = -3 + random.nextGaussian();
    }
    double[] ones = new double[n];
    Arrays.fill(ones, 1);
    double[] against = new double[n];
    Arrays.fill(against, -1);
    double[][] decided =
        Arrays.stream(gap)
            .map(row -> Arrays.stream(row).map(each -> .7 * each).toArray())
            .toArray(double[][]::new);
    AtHookPoint point =
        new AtHookPoint(
            HookPoint.residuals(0),
            GramMatrix.ofDense(projected, 1),
            ReadoutSummary.of(readout),
            null,
            new AttributionCheck(against, against, against, ones),
            decided,
            Map.of(TransferForm.EFFECT, drops));
    return new SharingEvidence(
        "simulated", names, labels, tokens, refused, complied, gap, null, List.of(point), List.of(), null,
        "matched");
  }
}
