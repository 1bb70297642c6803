package org.refusal.verdict;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.refusal.config.StatsConfig;
import org.refusal.config.TransferForm;
import org.refusal.stats.Auc;
import org.refusal.stats.Estimate;
import org.refusal.stats.Interval;
import org.refusal.stats.Reliability;
import org.refusal.stats.TransferStatistics.Pair;
import org.refusal.stats.TransferStatistics;
import org.refusal.verdict.SharingEvidence.DefaultRefusal;
import org.refusal.verdict.SharingEvidence.ReadoutSummary;

/** Statistics with figures made by hand, in the records and files of the real ones. */
public final class VerdictExamples {
  private VerdictExamples() {}

  static final StatsConfig.Verdict THRESHOLDS =
      new StatsConfig.Verdict(0.5, 0.8, 0.5, 0.9, 0.2, 0.5, 0.65, 0.8, 0.1, 0.8, 20, 8, 0.3, List.of(0.5, 1.5), 0.1);
  static final ReadoutSummary READOUT =
      new ReadoutSummary(1, 1, true, new double[] {3.98, .0081, .003, .00001}, .0100);

  static Estimate estimate(double value, double low, double high) {
    return new Estimate(value, new Interval(low, high, 0.95));
  }

  /** Every pair of {@code count} categories has the transfer, with intervals of the given half-widths. */
  static List<Pair> pairs(int count, double transfer, double half) {
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      for (int j = i + 1; j < count; j++) {
        pairs.add(pair(i, j, transfer, half));
      }
    }
    return pairs;
  }

  static Pair pair(int i, int j, double transfer, double half) {
    return new Pair(
        i, j, transfer, new Interval(transfer - half * .8, transfer + half * .8, 0.90),
        new Interval(transfer - half, transfer + half, 0.95));
  }

  static TransferStatistics transfer(
      Estimate distinctness, List<Pair> pairs, List<List<Integer>> clusters, Estimate within, Estimate between) {
    int count = pairs.stream().mapToInt(Pair::j).max().orElse(0) + 1;
    double[][] drop = new double[count][count];
    for (double[] row : drop) {
      Arrays.fill(row, .81);
    }
    pairs.forEach(pair -> {
      drop[pair.i()][pair.j()] = .81 * pair.transfer();
      drop[pair.j()][pair.i()] = .81 * pair.transfer();
    });
    return new TransferStatistics(
        drop, estimate(.81, .753, .88), estimate(.02, .01, .03), distinctness, pairs, clusters, new double[] {1}, within,
        between, null);
  }

  static TransferStatistics weak() {
    return new TransferStatistics(
        new double[][] {{.04, .04, .03}, {.05, .04, .04}, {.03, .04, .04}}, estimate(.04, .01, .07), estimate(.02, .01, .03), Estimate.undefined(.95), pairs(3, .5, .6),
        List.of(), new double[0], Estimate.undefined(.95), Estimate.undefined(.95),
        "the own drop of 0.04 is below 0.10 of the refusal gap");
  }

  static TransferStatistics transfer(Estimate distinctness, List<Pair> pairs) {
    return transfer(distinctness, pairs, List.of(List.of(0)), Estimate.undefined(.95), Estimate.undefined(.95));
  }

  static VectorStatistics vectors(int categories) {
    double[] reliability = new double[categories];
    Arrays.fill(reliability, .97);
    return new VectorStatistics(
        new int[categories], new Reliability(reliability, reliability, reliability, reliability), new double[0][],
        estimate(.91, .84, .97), List.of(), null, null, null, null, null, List.of(), new int[0]);
  }

  static HookPointMeasures point(
      String name, Estimate decided, Estimate completeness, List<String> categories, TransferStatistics effect) {
    Map<String, TransferStatistics> transfer = new LinkedHashMap<>();
    if (effect != null) {
      transfer.put(TransferForm.EFFECT.key(), effect);
    }
    CauseRule.Finding finding = new CauseRule(THRESHOLDS, categories).cause(name, effect);
    return new HookPointMeasures(
        name, decided, READOUT, vectors(categories.size()), null, completeness, Estimate.undefined(.95), transfer,
        finding.cause(), finding.sentence(), finding.possible(), "undecided");
  }

  static List<String> categories(int count) {
    return List.of("hate", "privacy", "self-harm", "violence", "weapons").subList(0, count);
  }

  /** Decided .16 at residuals_14 and .64 at residuals_15; there the effect form is as given. */
  static SharingMeasures tests(int count, TransferStatistics effect, TransferStatistics below) {
    return tests(
        count,
        List.of(
            point("residuals_14", estimate(.16, .12, .2), estimate(1, .9, 1.1), categories(count), below),
            point("residuals_15", estimate(.643, .57, .7), estimate(1.01, .98, 1.03), categories(count), effect)),
        25, Map.of(), new DefaultRefusal(100, 3, .01, .08));
  }

  static SharingMeasures tests(
      int count, List<HookPointMeasures> points, int discovery, Map<String, String> leftOut, DefaultRefusal byDefault) {
    int[] refused = new int[count];
    int[] heldout = new int[count];
    double[] gap = new double[count];
    Arrays.fill(refused, discovery);
    Arrays.fill(heldout, 12);
    Arrays.fill(gap, 7.5);
    return new SharingMeasures(
        categories(count), leftOut, refused, heldout, new Auc(.97, new Interval(.91, .99, .95), 60, 80), gap, List.of(),
        byDefault, null, points, null);
  }

  /** One cause, of five categories, with the decision measured after each of 30 layers. */
  public static StatsFile monolithic() {
    TransferStatistics one = transfer(estimate(.06, .01, .12), pairs(5, .94, .05));
    SharingMeasures tests = tests(5, one, one);
    return file(
        new SharingMeasures(
            tests.categories(), tests.leftOut(), tests.refusedDiscovery(), tests.refusedHeldout(), tests.auc(),
            tests.refusalGap(), layers(), tests.byDefault(), tests.partners(), tests.hookPoints(), null));
  }

  /** Decided rises from 0 to 1 around layer 15. */
  private static List<SharingMeasures.LayerTests> layers() {
    return IntStream.range(0, 30)
        .mapToObj(layer -> {
          double decided = 1 / (1 + Math.exp(-2.1 * (layer - 14.72)));
          return new SharingMeasures.LayerTests(
              "residuals_" + layer, estimate(decided, decided - .06, decided + .05));
        })
        .toList();
  }

  /** {hate, privacy} and {self-harm, violence}. */
  public static StatsFile mixed() {
    return file(tests(4, twoClusters(), null));
  }

  static TransferStatistics twoClusters() {
    List<Pair> pairs =
        List.of(
            pair(0, 1, 1.01, .05), pair(0, 2, .12, .1), pair(0, 3, .09, .1), pair(1, 2, .13, .1), pair(1, 3, .08, .1),
            pair(2, 3, .95, .05));
    return transfer(
        estimate(.6, .55, .65), pairs, List.of(List.of(0, 1), List.of(2, 3)), estimate(.97, .9, 1.1),
        estimate(.1, .05, .16));
  }

  /** Between one cause and a graded one; two categories more are left out. */
  public static StatsFile open() {
    TransferStatistics open = transfer(estimate(.14, .02, .26), pairs(4, .86, .05));
    SharingMeasures tests = tests(4, open, open);
    return file(
        tests(4, tests.hookPoints(), 25, Map.of("self_harm", "4 refused discovery prompts, fewer than 20"), null));
  }

  /** The cause is clear, the layers are not. */
  public static StatsFile undecided() {
    TransferStatistics one = transfer(estimate(.06, .01, .12), pairs(3, .94, .05));
    return file(
        tests(
            3,
            List.of(
                point("residuals_8", estimate(.04, 0, .1), estimate(1, .9, 1.1), categories(3), weak()),
                point("residuals_15", estimate(.64, .57, .7), estimate(1, .9, 1.1), categories(3), one)),
            25, Map.of(), null));
  }

  private static StatsFile file(SharingMeasures tests) {
    return new StatsFile(
        StatsFile.FORMAT, StatsFile.VERSION, "tiny", 42, 500, 500, Map.of(), Verdict.decide(tests, THRESHOLDS), tests, null,
        null);
  }
}
