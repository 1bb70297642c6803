package org.refusal.verdict;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
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
import org.refusal.stats.Reliability;
import org.refusal.stats.Resampling;
import org.refusal.stats.SeparationTest;
import org.refusal.stats.Wilson;

/**
 * Can the statistics be trusted? Simulates evidence with a known answer ({@link Simulation}) and reports how often the
 * tests and the verdict say what is true.
 *
 * @param uniformity p-values of the separation test where the categories do not differ
 * @param coverage how often the 95 % intervals of S and D hold the truth
 * @param errors how often the verdict is wrong or undecided, by truth
 * @param power share of simulations with each answer, over effect size and prompts
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Calibration(
    Options options,
    List<Uniformity> uniformity,
    List<Coverage> coverage,
    List<ErrorRate> errors,
    List<Power> power) {

  private static final int CATEGORIES = 4;
  private static final int WIDTH = 300;
  private static final double ACTIVITY = 0.1;
  private static final double LEVEL = 0.95;
  private static final int HELDOUT = 12;

  /**
   * How much to simulate.
   *
   * @param nullSimulations for the uniformity of p-values
   * @param coverageSimulations for every row of coverage
   * @param verdictSimulations for every row of error rates and power
   * @param permutations of each test
   * @param bootstrap resamples of each interval
   * @param threads never changes a result
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Options(
      int nullSimulations,
      int coverageSimulations,
      int verdictSimulations,
      int permutations,
      int bootstrap,
      long seed,
      int threads) {
    /** The numbers behind the documentation's tables. */
    public static Options full(long seed, int threads) {
      return new Options(1000, 500, 200, 199, 400, seed, threads);
    }
  }

  /** Kolmogorov-Smirnov test of p-values against the uniform distribution, and the share at or below .05. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Uniformity(
      String test, int prompts, double noise, int simulations, double ksDistance, double ksP, double rejectedAt05) {}

  /**
   * Of one interval.
   *
   * @param statistic {@code S of a pair}, {@code mean S} or {@code D}
   * @param truth what it estimates
   * @param prompts discovery prompts per category (S) or held-out prompts per category (D)
   * @param reliability mean reliability of the simulated categories; NaN for D
   * @param covered share of the intervals that hold the truth, undefined ones counting as not
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Coverage(
      String statistic,
      double truth,
      int prompts,
      double reliability,
      int simulations,
      double covered,
      Interval coveredInterval,
      double meanWidth) {}

  /** Share of each answer under one truth. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record ErrorRate(
      String truth,
      double noise,
      int simulations,
      double monolithic,
      double modular,
      double mixed,
      double inconclusive,
      double falseMonolithic,
      double falseModular) {}

  /**
   * Share of each answer, and of separation tests significant at .05.
   *
   * @param cosine true cosine of every two categories' causes
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Power(
      double cosine,
      int prompts,
      double noise,
      int simulations,
      double monolithic,
      double modular,
      double inconclusive,
      double separationPower) {}

  /** Everything; minutes with {@link Options#full}. */
  public static Calibration run(Options options, StatsConfig.Verdict thresholds, Progress progress) {
    return new Calibration(
        options,
        uniformity(options, progress),
        coverage(options, progress),
        errors(options, thresholds, progress),
        power(options, thresholds, progress));
  }

  private static Simulation simulation(double[][] cosines, int discovery, int heldout, double noise) {
    return new Simulation(cosines, discovery, heldout, WIDTH, ACTIVITY, noise);
  }

  /** Categories that do not differ: are p-values uniform? */
  static List<Uniformity> uniformity(Options options, Progress progress) {
    List<Uniformity> rows = new ArrayList<>();
    double noise = 3;
    try (Progress.Task task = progress.task("null p-values", 2L * options.nullSimulations())) {
      for (int prompts : new int[] {20, 40}) {
        Simulation simulation = simulation(Simulation.uniform(CATEGORIES, 1), prompts, HELDOUT, noise);
        int n = options.nullSimulations();
        double[] pairs = new double[n];
        double[] halves = new double[n];
        Parallel.forEach(
            n,
            options.threads(),
            draw -> {
              String unit = "null " + prompts + " " + draw;
              GramMatrix gram =
                  GramMatrix.ofDense(simulation.vectors(prompts, Seeds.random(options.seed(), unit)), 1);
              Resampling permutations =
                  new Resampling(options.permutations(), Seeds.derive(options.seed(), unit, "test"), 1);
              int[] labels = simulation.labels(prompts);
              pairs[draw] = SeparationTest.pairs(gram, labels, CATEGORIES, null, permutations).p();
              halves[draw] = SeparationTest.splitHalf(gram, labels, CATEGORIES, null, permutations).p();
              task.advance(1);
            });
        rows.add(uniformity("separation, all pairs", prompts, noise, pairs, options));
        rows.add(uniformity("separation, split halves", prompts, noise, halves, options));
      }
    }
    return rows;
  }

  /** p-values are multiples of 1 / (B + 1): each is spread evenly over its step before the test. */
  private static Uniformity uniformity(String test, int prompts, double noise, double[] p, Options options) {
    SplittableRandom random = Seeds.random(options.seed(), "spread", test, "" + prompts);
    double step = 1.0 / (options.permutations() + 1);
    double[] spread = Arrays.stream(p).map(value -> value - step * random.nextDouble()).toArray();
    KolmogorovSmirnov ks = KolmogorovSmirnov.uniform(spread);
    double rejected = Arrays.stream(p).filter(value -> value <= 0.05).count() / (double) p.length;
    return new Uniformity(test, prompts, noise, p.length, ks.d(), ks.p(), rejected);
  }

  static List<Coverage> coverage(Options options, Progress progress) {
    List<Coverage> rows = new ArrayList<>();
    double[] cosines = {0.5, 0.8, 1};
    double[] noises = {1, 3, 5};
    int[] discovery = {20, 40};
    try (Progress.Task task = progress.task("coverage", (long) cosines.length * (noises.length * 2 + 2))) {
      for (double cosine : cosines) {
        for (double noise : noises) {
          for (int prompts : discovery) {
            rows.addAll(similarityCoverage(options, cosine, noise, prompts));
            task.advance(1);
          }
        }
        for (int heldout : new int[] {8, 20}) {
          rows.add(distinctnessCoverage(options, cosine, heldout));
          task.advance(1);
        }
      }
    }
    return rows;
  }

  private static List<Coverage> similarityCoverage(Options options, double cosine, double noise, int prompts) {
    Simulation simulation = simulation(Simulation.uniform(CATEGORIES, cosine), prompts, HELDOUT, noise);
    int n = options.coverageSimulations();
    Interval[] pair = new Interval[n];
    Interval[] mean = new Interval[n];
    double[] reliability = new double[n];
    Parallel.forEach(
        n,
        options.threads(),
        draw -> {
          String unit = "S %s %s %d %d".formatted(cosine, noise, prompts, draw);
          GramMatrix gram =
              GramMatrix.ofDense(simulation.vectors(prompts, Seeds.random(options.seed(), unit)), 1);
          int[] labels = simulation.labels(prompts);
          Resampling none = new Resampling(1, options.seed(), 1);
          DisattenuatedSimilarity found = DisattenuatedSimilarity.of(gram, labels, CATEGORIES, none);
          pair[draw] = found.interval(0, 1, LEVEL);
          mean[draw] = found.meanInterval(LEVEL);
          reliability[draw] =
              Arrays.stream(Reliability.of(gram, labels, CATEGORIES, none).reliability()).average().orElseThrow();
        });
    double meanReliability = Arrays.stream(reliability).average().orElseThrow();
    return List.of(
        covered("S of a pair", cosine, prompts, meanReliability, pair),
        covered("mean S", cosine, prompts, meanReliability, mean));
  }

  private static Coverage distinctnessCoverage(Options options, double cosine, int heldout) {
    Simulation simulation = simulation(Simulation.uniform(CATEGORIES, cosine), 40, heldout, 3);
    int n = options.coverageSimulations();
    Interval[] intervals = new Interval[n];
    List<List<Integer>> alone = IntStream.range(0, CATEGORIES).mapToObj(List::of).toList();
    Parallel.forEach(
        n,
        options.threads(),
        draw -> {
          String unit = "D %s %d %d".formatted(cosine, heldout, draw);
          Simulation.Drops drops = simulation.drops(Seeds.random(options.seed(), unit));
          Resampling bootstrap =
              new Resampling(options.bootstrap(), Seeds.derive(options.seed(), unit, "bootstrap"), 1);
          intervals[draw] =
              TransferTests.of(drops.transfer(), drops.gap(), alone, 0.1, bootstrap).distinctness().interval();
        });
    return covered("D", simulation.trueDistinctness(), heldout, Double.NaN, intervals);
  }

  private static Coverage covered(
      String statistic, double truth, int prompts, double reliability, Interval[] intervals) {
    int covered = 0;
    double width = 0;
    int defined = 0;
    for (Interval interval : intervals) {
      covered += interval.contains(truth) ? 1 : 0;
      if (interval.isDefined()) {
        width += interval.high() - interval.low();
        defined++;
      }
    }
    return new Coverage(
        statistic,
        truth,
        prompts,
        reliability,
        intervals.length,
        covered / (double) intervals.length,
        Wilson.interval(covered, intervals.length, LEVEL),
        defined == 0 ? Double.NaN : width / defined);
  }

  static List<ErrorRate> errors(Options options, StatsConfig.Verdict thresholds, Progress progress) {
    Map<String, double[][]> truths = new LinkedHashMap<>();
    truths.put("MONOLITHIC", Simulation.uniform(CATEGORIES, 1));
    truths.put("MODULAR", Simulation.uniform(CATEGORIES, 0));
    truths.put("MIXED", Simulation.clustered(2, 2));
    truths.put("graded, cosine .65", Simulation.uniform(CATEGORIES, 0.65));
    truths.put("graded, cosine .8", Simulation.uniform(CATEGORIES, 0.8));
    truths.put("graded, cosine .5", Simulation.uniform(CATEGORIES, 0.5));
    List<ErrorRate> rows = new ArrayList<>();
    try (Progress.Task task = progress.task("error rates", truths.size() * 2L)) {
      for (Map.Entry<String, double[][]> truth : truths.entrySet()) {
        for (double noise : new double[] {1, 3}) {
          Simulation simulation = simulation(truth.getValue(), 30, HELDOUT, noise);
          double[] shares = answers(options, thresholds, simulation, "errors " + truth.getKey() + noise).shares();
          boolean one = truth.getKey().equals("MONOLITHIC");
          boolean several = truth.getKey().equals("MODULAR");
          rows.add(
              new ErrorRate(
                  truth.getKey(),
                  noise,
                  options.verdictSimulations(),
                  shares[0],
                  shares[1],
                  shares[2],
                  shares[3],
                  one ? 0 : shares[0],
                  several ? 0 : shares[1]));
          task.advance(1);
        }
      }
    }
    return rows;
  }

  static List<Power> power(Options options, StatsConfig.Verdict thresholds, Progress progress) {
    double[] cosines = {0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1};
    int[] prompts = {20, 40, 80};
    double noise = 3;
    List<Power> rows = new ArrayList<>();
    try (Progress.Task task = progress.task("power", (long) cosines.length * prompts.length)) {
      for (double cosine : cosines) {
        for (int discovery : prompts) {
          Simulation simulation =
              simulation(
                  Simulation.uniform(CATEGORIES, cosine), discovery, Math.max(8, discovery * 3 / 7), noise);
          Answers found = answers(options, thresholds, simulation, "power " + cosine + " " + discovery);
          rows.add(
              new Power(
                  cosine,
                  discovery,
                  noise,
                  options.verdictSimulations(),
                  found.shares()[0],
                  found.shares()[1],
                  found.shares()[3],
                  found.separated()));
          task.advance(1);
        }
      }
    }
    return rows;
  }

  /** Share of each answer in the order of {@link Answer}, and of separation tests significant at .05. */
  private record Answers(double[] shares, double separated) {}

  private static Answers answers(
      Options options, StatsConfig.Verdict thresholds, Simulation simulation, String name) {
    int n = options.verdictSimulations();
    Answer[] found = new Answer[n];
    boolean[] separated = new boolean[n];
    Parallel.forEach(
        n,
        options.threads(),
        draw -> {
          long seed = Seeds.derive(options.seed(), name, Integer.toString(draw));
          StatsConfig config =
              new StatsConfig(
                  null,
                  new StatsConfig.Stats(List.of(), options.permutations(), options.bootstrap(), false, List.of()),
                  thresholds,
                  null,
                  seed);
          SharingTests tests = SharingTests.run(simulation.decidingEvidence(seed), config, 1);
          found[draw] = Verdict.decide(tests, thresholds).answer();
          separated[draw] = tests.hookPoints().get(1).effect().separation().p() <= 0.05;
        });
    double[] shares = new double[Answer.values().length];
    int significant = 0;
    for (int draw = 0; draw < n; draw++) {
      shares[found[draw].ordinal()] += 1.0 / n;
      significant += separated[draw] ? 1 : 0;
    }
    return new Answers(shares, significant / (double) n);
  }

  /** The tables as Markdown. */
  public String markdown() {
    StringBuilder text = new StringBuilder();
    text.append("| test | prompts per category | KS distance | KS p | p at most .05 |\n|---|---|---|---|---|\n");
    for (Uniformity row : uniformity) {
      line(text, row.test(), row.prompts(), row.ksDistance(), row.ksP(), row.rejectedAt05());
    }
    text.append("\n| interval | truth | prompts | reliability | coverage | mean width |\n|---|---|---|---|---|---|\n");
    for (Coverage row : coverage) {
      line(text, row.statistic(), row.truth(), row.prompts(), row.reliability(), row.covered(), row.meanWidth());
    }
    text.append("\n| truth | noise | MONOLITHIC | MODULAR | MIXED | INCONCLUSIVE |\n|---|---|---|---|---|---|\n");
    for (ErrorRate row : errors) {
      line(text, row.truth(), row.noise(), row.monolithic(), row.modular(), row.mixed(), row.inconclusive());
    }
    text.append("\n| cosine of the causes | prompts per category | MONOLITHIC | MODULAR | INCONCLUSIVE |"
        + " separation significant |\n|---|---|---|---|---|---|\n");
    for (Power row : power) {
      line(text, row.cosine(), row.prompts(), row.monolithic(), row.modular(), row.inconclusive(),
          row.separationPower());
    }
    return text.toString();
  }

  private static void line(StringBuilder text, Object... cells) {
    for (Object cell : cells) {
      text.append("| ");
      if (cell instanceof Double value) {
        text.append(Double.isNaN(value) ? "" : String.format(Locale.ROOT, "%.3f", value));
      } else {
        text.append(cell);
      }
      text.append(' ');
    }
    text.append("|\n");
  }
}
