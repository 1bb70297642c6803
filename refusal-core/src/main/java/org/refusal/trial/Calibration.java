package org.refusal.trial;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.refusal.base.Progress;
import org.refusal.config.StatsConfig;
import org.refusal.stats.Interval;
import org.refusal.verdict.Answer;

/**
 * Can the statistics be trusted? Simulates models with a known answer ({@link Simulation}) and reports how often the tests,
 * the intervals and the verdict say what is true (docs/calibration.md).
 *
 * @param uniformity p-values of the separation test where the categories do not differ
 * @param coverage how often the 95 % intervals hold the truth
 * @param errors answers by truth and noise
 * @param curves answers over shared parts around the verdict's bars
 * @param power answers over shared part and prompts
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Calibration(
    Options options,
    List<Uniformity> uniformity,
    List<Coverage> coverage,
    List<Answers> errors,
    List<Answers> curves,
    List<Answers> power) {

  static final int CATEGORIES = 4;
  static final double LEVEL = 0.95;
  /** What everything harmful has in common in a simulated model, of which the first is read and the second is not. */
  private static final double COMMON_WAY = 0.5;
  private static final double COMPANY = 2.5;
  /** Real models read at a decision layer resemble 1 (docs/calibration.md). */
  private static final double[] NOISES = {0.5, 1};
  private static final double HARD = 1.5;
  private static final double[] SHARES = {0, 0.2, 0.4, 0.5, 0.6, 0.8, 1};
  private static final int[][] PROMPTS = {{20, 8}, {40, 17}};

  /**
   * How much to simulate.
   *
   * @param nullSimulations for the uniformity of p-values
   * @param coverageSimulations for every row of coverage
   * @param verdictSimulations for every row of answers
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
      return new Options(1000, 500, 250, 199, 400, seed, threads);
    }

    /** With so many simulations behind each row of coverage and half as many behind each of answers. */
    public Options simulations(int coverage) {
      return new Options(
          nullSimulations, coverage, (coverage + 1) / 2, permutations, bootstrap, seed, threads);
    }
  }

  /** Kolmogorov-Smirnov test of p-values against the uniform distribution, and the share at or below .05. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Uniformity(
      String test, int prompts, int simulations, double ksDistance, double ksP, double rejectedAt05) {}

  /**
   * Of one interval.
   *
   * @param statistic {@code shared part} (1 - D), {@code t of a pair}, {@code S of a pair} or {@code mean S}
   * @param truth what it estimates; the mean over simulations where it depends on what was found
   * @param world what the prompts are drawn from
   * @param prompts discovery prompts per category
   * @param heldout held-out prompts per category; 0 where none play a part
   * @param estimate mean over simulations
   * @param covered share of the intervals that hold the truth, undefined ones counting as not
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Coverage(
      String statistic,
      double truth,
      String world,
      int prompts,
      int heldout,
      int simulations,
      double estimate,
      double covered,
      Interval coveredInterval,
      double meanWidth) {
    public int hits() {
      return (int) Math.round(covered * simulations);
    }
  }

  /**
   * Share of each answer under one truth.
   *
   * @param sharedPart true shared part
   * @param truth the answer that the truth deserves; null at a bar, where two answers are right
   * @param floor mean noise floor as a share of the largest eigenvalue of the read-out
   * @param shares of each answer
   * @param wrong share of answers other than INCONCLUSIVE that the truth contradicts, clusters included; NaN at a bar
   * @param falselyExcluded share of INCONCLUSIVE without the true answer among the possible ones; NaN at a bar
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Answers(
      String world,
      double sharedPart,
      Answer truth,
      int prompts,
      int heldout,
      double floor,
      int simulations,
      Map<Answer, Double> shares,
      double wrong,
      Interval wrongInterval,
      double falselyExcluded) {
    public double share(Answer answer) {
      return shares.get(answer);
    }

    public int count(Answer answer) {
      return (int) Math.round(share(answer) * simulations);
    }

    public int wrongCount() {
      return (int) Math.round(wrong * simulations);
    }
  }

  /** Everything; minutes with {@link Options#full}. */
  public static Calibration run(Options options, StatsConfig.Verdict thresholds, Progress progress) {
    return new Calibration(
        options,
        WorldTables.uniformity(options, progress),
        coverage(options, progress),
        errors(options, thresholds, progress),
        curves(options, thresholds, progress),
        power(options, thresholds, progress));
  }

  private static Simulation simulation(int discovery, int heldout, double noise) {
    return new Simulation(Simulation.uniform(CATEGORIES, 0), discovery, heldout, noise, COMMON_WAY, COMPANY);
  }

  static List<Coverage> coverage(Options options, Progress progress) {
    List<Coverage> rows = new ArrayList<>(WorldTables.similarityOfSkewedVectors(options, progress));
    try (Progress.Task task =
        progress.task("coverage", (long) SHARES.length * NOISES.length * PROMPTS.length)) {
      for (double noise : NOISES) {
        for (int[] prompts : PROMPTS) {
          for (double share : SHARES) {
            rows.addAll(
                WorldTables.coverage(
                    "noise " + noise,
                    simulation(prompts[0], prompts[1], noise).withSharedPart(share),
                    options));
            task.advance(1);
          }
        }
      }
    }
    return rows;
  }

  static List<Answers> errors(Options options, StatsConfig.Verdict thresholds, Progress progress) {
    Map<String, Simulation> kinds = new LinkedHashMap<>();
    Simulation base = simulation(30, 12, 1);
    kinds.put("one", base.withSharedPart(1));
    kinds.put("nearly one", base.withSharedPart(.95));
    kinds.put("several", base.withSharedPart(0));
    kinds.put("nearly several", base.withSharedPart(.2));
    kinds.put("several, .35 shared", base.withSharedPart(.35));
    kinds.put("two pairs", base.with(Simulation.clustered(2, 2)));
    kinds.put("three and two", base.with(Simulation.clustered(3, 2)));
    kinds.put("two pairs, alike in part", base.with(Simulation.clustered(.97, .3, 2, 2)));
    kinds.put("graded, .6", base.withSharedPart(.6));
    kinds.put("graded, .65", base.withSharedPart(.65));
    kinds.put("graded, .7", base.withSharedPart(.7));
    List<Answers> rows = new ArrayList<>();
    try (Progress.Task task = progress.task("error rates", kinds.size() * (NOISES.length + 1L))) {
      for (Map.Entry<String, Simulation> kind : kinds.entrySet()) {
        for (double noise : new double[] {NOISES[0], NOISES[1], HARD}) {
          rows.add(
              WorldTables.answers(
                  "%s, noise %s".formatted(kind.getKey(), noise), kind.getValue().withNoise(noise), options,
                  thresholds));
          task.advance(1);
        }
      }
    }
    return rows;
  }

  static List<Answers> curves(Options options, StatsConfig.Verdict thresholds, Progress progress) {
    double[] shares = {.4, .425, .45, .475, .5, .525, .55, .575, .6, .7, .725, .75, .775, .8, .825, .85, .875, .9};
    List<Answers> rows = new ArrayList<>();
    try (Progress.Task task = progress.task("curves", shares.length)) {
      for (double share : shares) {
        rows.add(
            WorldTables.answers("noise 1.0", simulation(40, 17, 1).withSharedPart(share), options, thresholds));
        task.advance(1);
      }
    }
    return rows;
  }

  static List<Answers> power(Options options, StatsConfig.Verdict thresholds, Progress progress) {
    double[] shares = {0, .2, .4, .55, .65, .75, .9, .95, 1};
    int[][] prompts = {{20, 8}, {40, 17}, {80, 34}};
    List<Answers> rows = new ArrayList<>();
    try (Progress.Task task = progress.task("power", (long) shares.length * prompts.length)) {
      for (double share : shares) {
        for (int[] counts : prompts) {
          rows.add(
              WorldTables.answers(
                  "noise 1.0", simulation(counts[0], counts[1], 1).withSharedPart(share), options, thresholds));
          task.advance(1);
        }
      }
    }
    return rows;
  }

  /** The tables as Markdown. */
  public String markdown() {
    StringBuilder text = new StringBuilder();
    uniformity(text, uniformity);
    coverage(text, coverage);
    answers(text, "Answers of the verdict by truth", errors);
    answers(text, "Answers around the bars", curves);
    answers(text, "Power", power);
    return text.toString();
  }

  static void uniformity(StringBuilder text, List<Uniformity> rows) {
    text.append("**p-values where the categories do not differ**, %d simulations per row\n\n".formatted(
        rows.get(0).simulations()));
    text.append("| test | prompts per category | KS distance | KS p | p at most .05 |\n|---|--:|--:|--:|--:|\n");
    for (Uniformity row : rows) {
      line(text, row.test(), row.prompts(), row.ksDistance(), row.ksP(), row.rejectedAt05());
    }
  }

  static void coverage(StringBuilder text, List<Coverage> rows) {
    text.append("\n**Coverage of the 95 %% intervals**, %d simulations per row\n\n".formatted(
        rows.get(0).simulations()));
    text.append("| interval | prompts from | discovery + held-out prompts per category | truth | mean estimate |"
        + " coverage [95 %] | mean width |\n|---|---|--:|--:|--:|--:|--:|\n");
    for (Coverage row : rows) {
      line(
          text, row.statistic(), row.world(),
          row.heldout() == 0 ? Integer.toString(row.prompts()) : row.prompts() + " + " + row.heldout(), row.truth(),
          row.estimate(), withInterval(row.covered(), row.coveredInterval()), row.meanWidth());
    }
  }

  static void answers(StringBuilder text, String title, List<Answers> rows) {
    text.append("\n**%s**, %d simulations per row\n\n".formatted(title, rows.get(0).simulations()));
    text.append("| prompts from | discovery + held-out prompts per category | shared part | truth | noise floor |"
        + " MONOLITHIC | MODULAR | MIXED | GRADED | INCONCLUSIVE | wrong [95 %] | true answer excluded |\n"
        + "|---|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (Answers row : rows) {
      line(
          text, row.world(), row.prompts() + " + " + row.heldout(), row.sharedPart(),
          row.truth() == null ? "at a bar" : row.truth().name(), row.floor(), row.share(Answer.MONOLITHIC),
          row.share(Answer.MODULAR), row.share(Answer.MIXED), row.share(Answer.GRADED),
          row.share(Answer.INCONCLUSIVE),
          row.truth() == null ? "" : withInterval(row.wrong(), row.wrongInterval()), row.falselyExcluded());
    }
  }

  private static String withInterval(double value, Interval interval) {
    return "%s [%s, %s]".formatted(number(value), number(interval.low()), number(interval.high()));
  }

  private static String number(double value) {
    String text = Double.isNaN(value) ? "" : String.format(Locale.ROOT, "%.3f", value);
    return text.equals("-0.000") ? "0.000" : text;
  }

  private static void line(StringBuilder text, Object... cells) {
    for (Object cell : cells) {
      text.append("| ").append(cell instanceof Double value ? number(value) : cell).append(' ');
    }
    text.append("|\n");
  }
}
