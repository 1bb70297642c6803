package org.refusal.verdict;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
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
import org.refusal.stats.TransferStatistics;
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
  private static final int[] HELD_OUT = {8, 20, 40};
  private static final int LEAST_HELDOUT = 8;
  /** Permutations where only the answer counts, which rests on no p-value. */
  private static final int NO_P_VALUE = 9;
  /** Permutations where p is compared with .05. */
  private static final int SIGNIFICANCE = 99;

  /**
   * How much to simulate.
   *
   * @param nullSimulations for the uniformity of p-values
   * @param coverageSimulations for every row of coverage
   * @param verdictSimulations for every row of error rates and power
   * @param permutations of each test whose p-values are looked at
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
    /** The numbers behind the documentation's tables: a standard error of 1 point at a coverage of 95 %. */
    public static Options full(long seed, int threads) {
      return new Options(1000, 500, 200, 199, 400, seed, threads);
    }

    /** With another number of simulations behind each coverage. */
    public Options withCoverageSimulations(int other) {
      return new Options(nullSimulations, other, verdictSimulations, permutations, bootstrap, seed, threads);
    }

    private Options permutations(int other) {
      return new Options(
          nullSimulations, coverageSimulations, verdictSimulations, other, bootstrap, seed, threads);
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

  /**
   * Share of each answer under one truth.
   *
   * @param noise norm of a prompt's noise, the cause's being 1
   * @param right the answer that the truth calls for
   * @param wrong share of answers that are neither right nor INCONCLUSIVE
   * @param wrongInterval Wilson's 95 % interval of it
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record ErrorRate(
      String truth,
      Answer right,
      double noise,
      int prompts,
      int heldout,
      int simulations,
      double monolithic,
      double modular,
      double mixed,
      double graded,
      double inconclusive,
      double wrong,
      Interval wrongInterval) {}

  /** Causes and the answer that they call for. A pair's transfer is the squared cosine of its causes. */
  private record Truth(String name, Answer right, double[][] cosines) {
    static Truth shared(double part, Answer right) {
      return new Truth(
          String.format(Locale.ROOT, "shared part %.2f", part), right, Simulation.uniform(CATEGORIES, Math.sqrt(part)));
    }
  }

  /**
   * Share of each answer, and of separation tests significant at .05.
   *
   * @param cosine true cosine of every two categories' causes
   * @param prompts discovery prompts per category
   * @param heldout held-out prompts per category
   * @param reliability mean reliability of a category's mean vector
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Power(
      double cosine,
      int prompts,
      int heldout,
      double noise,
      double reliability,
      int simulations,
      double monolithic,
      Interval monolithicInterval,
      double modular,
      Interval modularInterval,
      double graded,
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
    try (Progress.Task task = progress.task("coverage", (long) cosines.length * (noises.length * discovery.length + HELD_OUT.length))) {
      for (double cosine : cosines) {
        for (double noise : noises) {
          for (int prompts : discovery) {
            rows.addAll(similarityCoverage(options, cosine, noise, prompts));
            task.advance(1);
          }
        }
        for (int heldout : HELD_OUT) {
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
    Parallel.forEach(
        n,
        options.threads(),
        draw -> {
          String unit = "D %s %d %d".formatted(cosine, heldout, draw);
          Simulation.Drops drops = simulation.drops(Seeds.random(options.seed(), unit));
          Resampling bootstrap =
              new Resampling(options.bootstrap(), Seeds.derive(options.seed(), unit, "bootstrap"), 1);
          intervals[draw] =
              TransferStatistics.of(drops.transfer(), drops.gap(), new TransferStatistics.Bars(0.1, 0.65, "refusal gap"), bootstrap)
                  .distinctness()
                  .interval();
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
    List<Truth> truths =
        List.of(
            new Truth("one cause", Answer.MONOLITHIC, Simulation.uniform(CATEGORIES, 1)),
            new Truth("causes of their own", Answer.MODULAR, Simulation.uniform(CATEGORIES, 0)),
            new Truth("two clusters", Answer.MIXED, Simulation.clustered(2, 2)),
            Truth.shared(.2, Answer.MODULAR),
            Truth.shared(.35, Answer.MODULAR),
            Truth.shared(.6, Answer.GRADED),
            Truth.shared(.65, Answer.GRADED),
            Truth.shared(.7, Answer.GRADED),
            Truth.shared(.9, Answer.MONOLITHIC));
    int prompts = 30;
    int n = options.verdictSimulations();
    List<ErrorRate> rows = new ArrayList<>();
    try (Progress.Task task = progress.task("error rates", truths.size() * 2L)) {
      for (Truth truth : truths) {
        for (double noise : new double[] {1, 3}) {
          Simulation simulation = simulation(truth.cosines(), prompts, HELDOUT, noise);
          Answers found =
              answers(options.permutations(NO_P_VALUE), thresholds, simulation, "errors " + truth.name() + noise);
          int wrong = n - found.count(truth.right()) - found.count(Answer.INCONCLUSIVE);
          rows.add(
              new ErrorRate(
                  truth.name(),
                  truth.right(),
                  noise,
                  prompts,
                  HELDOUT,
                  n,
                  found.share(Answer.MONOLITHIC),
                  found.share(Answer.MODULAR),
                  found.share(Answer.MIXED),
                  found.share(Answer.GRADED),
                  found.share(Answer.INCONCLUSIVE),
                  wrong / (double) n,
                  Wilson.interval(wrong, n, LEVEL)));
          task.advance(1);
        }
      }
    }
    return rows;
  }

  /** Over effect size and prompts per category. */
  static List<Power> power(Options options, StatsConfig.Verdict thresholds, Progress progress) {
    double noise = 3;
    double[] cosines = {0, 0.2, 0.4, 0.6, 0.9, 0.95, 1};
    int[] prompts = {20, 40, 80};
    List<Power> rows = new ArrayList<>();
    try (Progress.Task task = progress.task("power", (long) cosines.length * prompts.length)) {
      for (double cosine : cosines) {
        for (int discovery : prompts) {
          rows.add(power(options, thresholds, cosine, discovery, noise));
          task.advance(1);
        }
      }
    }
    return rows;
  }

  private static Power power(
      Options options, StatsConfig.Verdict thresholds, double cosine, int discovery, double noise) {
    int heldout = Math.max(LEAST_HELDOUT, discovery * 3 / 7); // as a split of 70 to 30 leaves
    Simulation simulation = simulation(Simulation.uniform(CATEGORIES, cosine), discovery, heldout, noise);
    Answers found =
        answers(
            options.permutations(SIGNIFICANCE),
            thresholds,
            simulation,
            "power %s %d %s".formatted(cosine, discovery, noise));
    int n = options.verdictSimulations();
    return new Power(
        cosine,
        discovery,
        heldout,
        noise,
        found.reliability(),
        n,
        found.share(Answer.MONOLITHIC),
        Wilson.interval(found.count(Answer.MONOLITHIC), n, LEVEL),
        found.share(Answer.MODULAR),
        Wilson.interval(found.count(Answer.MODULAR), n, LEVEL),
        found.share(Answer.GRADED),
        found.share(Answer.INCONCLUSIVE),
        found.separated());
  }

  /**
   * What the verdict said.
   *
   * @param separated share of separation tests significant at .05
   * @param reliability mean over simulations and categories
   */
  private record Answers(List<Answer> answers, double separated, double reliability) {
    int count(Answer answer) {
      return (int) answers.stream().filter(answer::equals).count();
    }

    double share(Answer answer) {
      return count(answer) / (double) answers.size();
    }
  }

  private static Answers answers(
      Options options, StatsConfig.Verdict thresholds, Simulation simulation, String name) {
    int n = options.verdictSimulations();
    Answer[] found = new Answer[n];
    boolean[] separated = new boolean[n];
    double[] reliability = new double[n];
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
          VectorTests effect = tests.hookPoints().get(1).effect();
          found[draw] = Verdict.decide(tests, thresholds).answer();
          separated[draw] = effect.separation().p() <= 0.05;
          reliability[draw] = Arrays.stream(effect.reliability().reliability()).average().orElseThrow();
        });
    int significant = 0;
    for (boolean each : separated) {
      significant += each ? 1 : 0;
    }
    return new Answers(List.of(found), significant / (double) n, Arrays.stream(reliability).average().orElseThrow());
  }

  /** The tables as Markdown. */
  public String markdown() {
    StringBuilder text = new StringBuilder();
    text.append("**p-values where the categories do not differ**, %d simulations per row\n\n".formatted(
        options.nullSimulations()));
    text.append("| test | prompts per category | KS distance | KS p | p at most .05 |\n|---|--:|--:|--:|--:|\n");
    for (Uniformity row : uniformity) {
      line(text, row.test(), row.prompts(), row.ksDistance(), row.ksP(), row.rejectedAt05());
    }
    text.append("\n**Coverage of the 95 %% intervals**, %d simulations per row\n\n".formatted(
        options.coverageSimulations()));
    text.append("| interval | truth | prompts per category | reliability | coverage [95 %] | mean width |\n"
        + "|---|--:|--:|--:|--:|--:|\n");
    for (Coverage row : coverage) {
      line(text, row.statistic(), row.truth(), row.prompts(), row.reliability(),
          withInterval(row.covered(), row.coveredInterval()), row.meanWidth());
    }
    text.append("\n**Answers of the verdict by truth**, %d simulations per row\n\n".formatted(
        options.verdictSimulations()));
    text.append("| truth | right answer | noise | MONOLITHIC | MODULAR | MIXED | GRADED | INCONCLUSIVE | wrong [95 %] |\n"
        + "|---|---|--:|--:|--:|--:|--:|--:|--:|\n");
    for (ErrorRate row : errors) {
      line(text, row.truth(), row.right(), row.noise(), row.monolithic(), row.modular(), row.mixed(), row.graded(),
          row.inconclusive(), withInterval(row.wrong(), row.wrongInterval()));
    }
    text.append("\n**Power**, %d simulations per row\n\n".formatted(options.verdictSimulations()));
    text.append("| cosine of the causes | discovery + held-out prompts per category | noise | reliability |"
        + " MONOLITHIC [95 %] | MODULAR [95 %] | GRADED | INCONCLUSIVE | separation significant |\n"
        + "|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (Power row : power) {
      line(text, row.cosine(), row.prompts() + " + " + row.heldout(), row.noise(), row.reliability(),
          withInterval(row.monolithic(), row.monolithicInterval()),
          withInterval(row.modular(), row.modularInterval()), row.graded(), row.inconclusive(), row.separationPower());
    }
    return text.toString();
  }

  private static String withInterval(double value, Interval interval) {
    return "%s [%s, %s]".formatted(number(value), number(interval.low()), number(interval.high()));
  }

  private static String number(double value) {
    return Double.isNaN(value) ? "" : String.format(Locale.ROOT, "%.3f", value);
  }

  private static void line(StringBuilder text, Object... cells) {
    for (Object cell : cells) {
      text.append("| ").append(cell instanceof Double value ? number(value) : cell).append(' ');
    }
    text.append("|\n");
  }
}
