package org.refusal.trial;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.refusal.base.Progress;
import org.refusal.base.Seeds;
import org.refusal.config.StatsConfig;
import org.refusal.stats.DisattenuatedSimilarity;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.Interval;
import org.refusal.stats.KolmogorovSmirnov;
import org.refusal.stats.Parallel;
import org.refusal.stats.Resampling;
import org.refusal.stats.SeparationTest;
import org.refusal.stats.TransferStatistics;
import org.refusal.stats.Wilson;
import org.refusal.trial.Calibration.Answers;
import org.refusal.trial.Calibration.Coverage;
import org.refusal.trial.Calibration.Options;
import org.refusal.trial.Calibration.Uniformity;
import org.refusal.verdict.Answer;
import org.refusal.verdict.SharingEvidence;
import org.refusal.verdict.SharingMeasures;
import org.refusal.verdict.Verdict;

/** Rows of the calibration's tables: p-values, coverage and answers over many draws from one world. */
final class WorldTables {
  private static final TransferStatistics.Bars BARS = new TransferStatistics.Bars(.1, .65, "refusal gap");
  /** Permutations where only the answer counts, which rests on no p-value. */
  private static final int NO_P_VALUE = 9;
  /** A truth so near a bar is at it. */
  private static final double AT_BAR = 1e-6;

  private WorldTables() {}

  /** Draws the vectors of one simulation {@code [K * prompts][d]}. */
  interface Draw {
    double[][] vectors(SplittableRandom random);
  }

  static List<Uniformity> uniformity(Options options, Progress progress) {
    List<Uniformity> rows = new ArrayList<>();
    SkewedVectors vectors = new SkewedVectors(Calibration.CATEGORIES, 1, 3);
    try (Progress.Task task = progress.task("null p-values", 2)) {
      for (int prompts : new int[] {20, 40}) {
        rows.addAll(uniformity("", prompts, Calibration.CATEGORIES, random -> vectors.draw(prompts, random), options));
        task.advance(1);
      }
    }
    return rows;
  }

  /** p-values of both separation tests on vectors of categories that do not differ. */
  static List<Uniformity> uniformity(String world, int prompts, int categories, Draw draw, Options options) {
    int n = options.nullSimulations();
    double[] pairs = new double[n];
    double[] halves = new double[n];
    int[] labels = new int[categories * prompts];
    Arrays.setAll(labels, p -> p / prompts);
    Parallel.forEach(
        n,
        options.threads(),
        simulation -> {
          String unit = "null %s %d %d".formatted(world, prompts, simulation);
          GramMatrix gram = GramMatrix.ofDense(draw.vectors(Seeds.random(options.seed(), unit)), 1);
          Resampling permutations =
              new Resampling(options.permutations(), Seeds.derive(options.seed(), unit, "test"), 1);
          pairs[simulation] = SeparationTest.pairs(gram, labels, categories, null, permutations).p();
          halves[simulation] = SeparationTest.splitHalf(gram, labels, categories, null, permutations).p();
        });
    return List.of(
        uniformity("separation, all pairs" + world, prompts, pairs, options),
        uniformity("separation, split halves" + world, prompts, halves, options));
  }

  /** p-values are multiples of 1 / (B + 1): each is spread evenly over its step before the test. */
  private static Uniformity uniformity(String test, int prompts, double[] p, Options options) {
    SplittableRandom random = Seeds.random(options.seed(), "spread", test, "" + prompts);
    double step = 1.0 / (options.permutations() + 1);
    double[] spread = Arrays.stream(p).map(value -> value - step * random.nextDouble()).toArray();
    KolmogorovSmirnov ks = KolmogorovSmirnov.uniform(spread);
    double rejected = Arrays.stream(p).filter(value -> value <= 0.05).count() / (double) p.length;
    return new Uniformity(test, prompts, p.length, ks.d(), ks.p(), rejected);
  }

  static List<Coverage> similarityOfSkewedVectors(Options options, Progress progress) {
    double[] cosines = {0.5, 0.8, 1};
    double[] noises = {1, 3, 5};
    int[] discovery = {20, 40};
    List<Coverage> rows = new ArrayList<>();
    try (Progress.Task task =
        progress.task("coverage of S", (long) cosines.length * noises.length * discovery.length)) {
      for (double cosine : cosines) {
        for (double noise : noises) {
          for (int prompts : discovery) {
            rows.addAll(similarity(new SkewedVectors(Calibration.CATEGORIES, cosine, noise), prompts, options));
            task.advance(1);
          }
        }
      }
    }
    return rows;
  }

  private static List<Coverage> similarity(SkewedVectors vectors, int prompts, Options options) {
    int n = options.coverageSimulations();
    Found pair = new Found(n);
    Found mean = new Found(n);
    int[] labels = new int[vectors.categories() * prompts];
    Arrays.setAll(labels, p -> p / prompts);
    Parallel.forEach(
        n,
        options.threads(),
        simulation -> {
          String unit = "S %s %d %d".formatted(vectors, prompts, simulation);
          GramMatrix gram = GramMatrix.ofDense(vectors.draw(prompts, Seeds.random(options.seed(), unit)), 1);
          DisattenuatedSimilarity found = similarity(gram, labels, vectors.categories(), options);
          pair.put(simulation, found.similarity()[0][1], found.interval(0, 1, Calibration.LEVEL));
          mean.put(simulation, found.mean(), found.meanInterval(Calibration.LEVEL));
        });
    String world = "skewed vectors, noise %s".formatted(vectors.noise());
    return List.of(
        pair.coverage("S of a pair", vectors.cosine(), world, prompts, 0),
        mean.coverage("mean S", vectors.cosine(), world, prompts, 0));
  }

  private static DisattenuatedSimilarity similarity(GramMatrix gram, int[] labels, int categories, Options options) {
    return DisattenuatedSimilarity.of(gram, labels, categories, new Resampling(1, options.seed(), 1));
  }

  /** Of the shared part, of t of the first pair and of the mean S of the effect vectors. */
  static List<Coverage> coverage(String name, World world, Options options) {
    int n = options.coverageSimulations();
    Truth truth = world.truth();
    double[][] means = world.meanDifferences();
    double[] similarityTruth = new double[n];
    Found shared = new Found(n);
    Found pair = new Found(n);
    Found similarity = new Found(n);
    Parallel.forEach(
        n,
        options.threads(),
        simulation -> {
          long seed = seed("coverage", name, world, truth, simulation, options);
          LinearTransfer transfer = world.transfer(seed);
          TransferStatistics found =
              TransferStatistics.of(
                  transfer.drops(), transfer.gap(), BARS,
                  new Resampling(options.bootstrap(), Seeds.derive(seed, "bootstrap"), 1));
          Interval distinctness = found.distinctness().interval();
          shared.put(
              simulation, 1 - found.distinctness().value(),
              new Interval(1 - distinctness.high(), 1 - distinctness.low(), distinctness.level()));
          pair.put(simulation, found.pairs().get(0).transfer(), found.pairs().get(0).interval95());
          DisattenuatedSimilarity s =
              similarity(
                  GramMatrix.ofDense(transfer.projected(), 1), transfer.labels(), world.categories(), options);
          similarity.put(simulation, s.mean(), s.meanInterval(Calibration.LEVEL));
          similarityTruth[simulation] = Truth.meanSimilarity(transfer.readout().basis(), means);
        });
    return List.of(
        shared.coverage("shared part", truth.sharedPart(), name, world.discovery(), world.heldout()),
        pair.coverage("t of a pair", truth.transfer(0, 1), name, world.discovery(), world.heldout()),
        similarity.coverage("mean S of effect vectors", similarityTruth, name, world.discovery(), 0));
  }

  private static long seed(
      String table, String name, World world, Truth truth, int simulation, Options options) {
    return Seeds.derive(
        options.seed(), table, name, String.format(Locale.ROOT, "%.6f %d %d", truth.sharedPart(), world.discovery(), world.heldout()),
        Integer.toString(simulation));
  }

  /** Estimates and intervals of one statistic over simulations. */
  private record Found(double[] values, Interval[] intervals) {
    Found(int simulations) {
      this(new double[simulations], new Interval[simulations]);
    }

    void put(int simulation, double value, Interval interval) {
      values[simulation] = value;
      intervals[simulation] = interval;
    }

    Coverage coverage(String statistic, double truth, String world, int prompts, int heldout) {
      double[] truths = new double[values.length];
      Arrays.fill(truths, truth);
      return coverage(statistic, truths, world, prompts, heldout);
    }

    /** @param truths of each simulation */
    Coverage coverage(String statistic, double[] truths, String world, int prompts, int heldout) {
      int n = values.length;
      // where the truth has no width (all read along one direction) rounding must not count as a miss
      double slack = 1e-9;
      int covered =
          (int) IntStream.range(0, n)
              .filter(i -> intervals[i].low() - slack <= truths[i] && truths[i] <= intervals[i].high() + slack)
              .count();
      double[] widths =
          Arrays.stream(intervals).filter(Interval::isDefined).mapToDouble(each -> each.high() - each.low()).toArray();
      return new Coverage(
          statistic,
          Arrays.stream(truths).average().orElseThrow(),
          world,
          prompts,
          heldout,
          n,
          Arrays.stream(values).filter(Double::isFinite).average().orElse(Double.NaN),
          covered / (double) n,
          Wilson.interval(covered, n, Calibration.LEVEL),
          Arrays.stream(widths).average().orElse(Double.NaN));
    }
  }

  static Answers answers(String name, World world, Options options, StatsConfig.Verdict thresholds) {
    int n = options.verdictSimulations();
    Truth truth = world.truth();
    Answer deserved = truth.atBar(thresholds, AT_BAR) ? null : truth.answer(thresholds);
    Verdict[] verdicts = new Verdict[n];
    boolean[] wrong = new boolean[n];
    double[] floor = new double[n];
    Parallel.forEach(
        n,
        options.threads(),
        simulation -> {
          long seed = seed("answers", name, world, truth, simulation, options);
          LinearTransfer transfer = world.transfer(seed);
          StatsConfig config =
              new StatsConfig(
                  null,
                  new StatsConfig.Stats(List.of(), NO_P_VALUE, options.bootstrap(), false, List.of()),
                  thresholds,
                  null,
                  seed);
          SharingEvidence evidence = transfer.evidence(seed);
          verdicts[simulation] = Verdict.decide(SharingMeasures.run(evidence, config, 1), thresholds);
          wrong[simulation] = truth.contradicts(verdicts[simulation], evidence.categories(), thresholds);
          floor[simulation] = transfer.readout().relativeFloor();
        });
    Map<Answer, Double> shares = new EnumMap<>(Answer.class);
    for (Answer answer : Answer.values()) {
      shares.put(answer, Arrays.stream(verdicts).filter(v -> v.answer() == answer).count() / (double) n);
    }
    int wrongs = 0;
    for (boolean each : wrong) {
      wrongs += each ? 1 : 0;
    }
    double excluded =
        deserved == null
            ? Double.NaN
            : Arrays.stream(verdicts)
                    .filter(v -> v.answer() == Answer.INCONCLUSIVE && !v.possible().contains(deserved))
                    .count()
                / (double) n;
    return new Answers(
        name,
        truth.sharedPart(),
        deserved,
        world.discovery(),
        world.heldout(),
        Arrays.stream(floor).average().orElseThrow(),
        n,
        shares,
        deserved == null ? Double.NaN : wrongs / (double) n,
        deserved == null ? Interval.undefined(Calibration.LEVEL) : Wilson.interval(wrongs, n, Calibration.LEVEL),
        excluded);
  }
}
