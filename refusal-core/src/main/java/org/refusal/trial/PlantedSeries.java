package org.refusal.trial;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.DoubleStream;
import org.refusal.report.Markdown;
import org.refusal.stats.Interval;
import org.refusal.stats.Wilson;
import org.refusal.trial.PlantedTrial.Outcome;

/**
 * How often the pipeline is right on planted models.
 *
 * @param rows one per kind, true shared part, variant and size, in the order of the trials
 * @param legacy what the original project's similarity can tell, or null where it was not measured
 */
@JsonNaming(SnakeCaseStrategy.class)
public record PlantedSeries(List<Row> rows, Legacy legacy, List<PlantedTrial> trials) {
  private static final double LEVEL = 0.95;

  /**
   * Models planted alike.
   *
   * @param toxicPerCategory {@code 36} or a range
   * @param right models whose answer is the expected one
   * @param undecided INCONCLUSIVE where an answer was to be had
   * @param wrong another answer
   * @param rightInterval Wilson's 95 % interval of the share that is right
   * @param wrongInterval likewise of the share that is wrong
   * @param clustersRight models whose clusters are the true ones
   * @param profileRight models whose decision layer and first shared layer are the true ones
   * @param sEffect least, mean and largest S_effect at the true decision layer
   * @param dEffect likewise D_effect
   * @param trueSharedPart as planted; NaN where the shared part was measured in no model
   * @param sharedMeasured models in which it was
   * @param sharedCovered of them, those whose 95 % interval holds the truth
   * @param sharedPart least, mean and largest shared part found
   * @param legacySimilarity likewise the original project's similarity
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Row(
      String kind,
      String variant,
      int categories,
      String toxicPerCategory,
      String expected,
      int models,
      int right,
      int undecided,
      int wrong,
      Interval rightInterval,
      Interval wrongInterval,
      int clustersRight,
      int profileRight,
      double[] sEffect,
      double[] dEffect,
      double trueSharedPart,
      int sharedMeasured,
      int sharedCovered,
      double[] sharedPart,
      double[] legacySimilarity) {}

  /**
   * The conclusion that the original project's similarity allows: "similar circuits, hence one" above a cut. The cut is
   * the best there is for these very models, which favours it.
   *
   * @param cut a similarity above means monolithic
   * @param monolithicRight share of the monolithic models above it
   * @param othersRight share of the modular and mixed models not above it
   * @param noneAbove share of the models that never refuse above it, which would be called monolithic
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Legacy(
      double cut, int monolithic, double monolithicRight, int others, double othersRight, int none, double noneAbove) {}

  public static PlantedSeries of(List<PlantedTrial> trials) {
    Map<String, List<PlantedTrial>> groups = new LinkedHashMap<>();
    for (PlantedTrial trial : trials) {
      String key =
          "%s %s %s %d %s".formatted(trial.kind(), trial.share(), trial.variant(), trial.categories(), trial.sizes());
      groups.computeIfAbsent(key, name -> new ArrayList<>()).add(trial);
    }
    return new PlantedSeries(
        groups.values().stream().map(PlantedSeries::row).toList(), legacy(trials), List.copyOf(trials));
  }

  private static Row row(List<PlantedTrial> trials) {
    PlantedTrial first = trials.get(0);
    int right = count(trials, trial -> trial.outcome() == Outcome.RIGHT);
    int wrong = count(trials, trial -> trial.outcome() == Outcome.WRONG);
    List<PlantedTrial.Shared> shared = trials.stream().map(PlantedTrial::shared).filter(Objects::nonNull).toList();
    return new Row(
        first.kind(),
        first.variant(),
        first.categories(),
        first.sizes(),
        first.expected(),
        trials.size(),
        right,
        count(trials, trial -> trial.outcome() == Outcome.UNDECIDED),
        wrong,
        Wilson.interval(right, trials.size(), LEVEL),
        Wilson.interval(wrong, trials.size(), LEVEL),
        count(trials, PlantedTrial::clustersRight),
        count(trials, PlantedTrial::profileRight),
        spread(trials.stream().mapToDouble(PlantedTrial::sEffect)),
        spread(trials.stream().mapToDouble(PlantedTrial::dEffect)),
        shared.isEmpty() ? Double.NaN : shared.get(0).truth(),
        shared.size(),
        (int) shared.stream().filter(PlantedTrial.Shared::covered).count(),
        spread(shared.stream().mapToDouble(PlantedTrial.Shared::value)),
        spread(trials.stream().mapToDouble(PlantedTrial::legacySimilarity)));
  }

  private static int count(List<PlantedTrial> trials, Predicate<PlantedTrial> what) {
    return (int) trials.stream().filter(what).count();
  }

  /** Least, mean, largest of those that are numbers; NaN for none. */
  private static double[] spread(DoubleStream values) {
    double[] known = values.filter(Double::isFinite).sorted().toArray();
    return known.length == 0
        ? new double[] {Double.NaN, Double.NaN, Double.NaN}
        : new double[] {known[0], Arrays.stream(known).average().orElseThrow(), known[known.length - 1]};
  }

  private static Legacy legacy(List<PlantedTrial> trials) {
    List<PlantedTrial> measured = trials.stream().filter(trial -> Double.isFinite(trial.legacySimilarity())).toList();
    double[] one = similarities(measured, List.of("monolithic"));
    double[] several = similarities(measured, List.of("modular", "mixed"));
    double[] none = similarities(measured, List.of("none"));
    if (one.length == 0 || several.length == 0) {
      return null;
    }
    double best = Double.NaN;
    double most = -1;
    for (double cut : DoubleStream.concat(DoubleStream.of(0), measured.stream().mapToDouble(PlantedTrial::legacySimilarity))
        .sorted().toArray()) {
      double balanced = above(one, cut) + 1 - above(several, cut);
      if (balanced > most) {
        most = balanced;
        best = cut;
      }
    }
    return new Legacy(
        best, one.length, above(one, best), several.length, 1 - above(several, best), none.length, above(none, best));
  }

  private static double[] similarities(List<PlantedTrial> trials, List<String> kinds) {
    return trials.stream()
        .filter(trial -> kinds.contains(trial.kind()))
        .mapToDouble(PlantedTrial::legacySimilarity)
        .toArray();
  }

  private static double above(double[] values, double cut) {
    return Arrays.stream(values).filter(value -> value > cut).count() / (double) values.length;
  }

  /** The table, and what the original project's similarity would conclude. */
  public String markdown() {
    List<String> header =
        List.of(
            "planted", "variant", "categories x toxic prompts", "models", "right answer", "right", "INCONCLUSIVE",
            "wrong", "share right [95 %]", "clusters right", "layers right", "S_effect mean (least, largest)",
            "D_effect mean (least, largest)", "true shared part", "shared part mean (least, largest)",
            "its interval holds the truth", "legacy similarity mean (least, largest)");
    List<List<String>> cells = new ArrayList<>();
    for (Row row : rows) {
      cells.add(
          List.of(
              row.kind(),
              row.variant(),
              row.categories() + " x " + row.toxicPerCategory(),
              Integer.toString(row.models()),
              row.expected(),
              Integer.toString(row.right()),
              Integer.toString(row.undecided()),
              Integer.toString(row.wrong()),
              "%s [%s, %s]".formatted(
                  number(row.right() / (double) row.models()),
                  number(row.rightInterval().low()),
                  number(row.rightInterval().high())),
              Integer.toString(row.clustersRight()),
              Integer.toString(row.profileRight()),
              spread(row.sEffect()),
              spread(row.dEffect()),
              row.sharedMeasured() == 0 ? "" : number(row.trueSharedPart()),
              spread(row.sharedPart()),
              row.sharedMeasured() == 0 ? "" : row.sharedCovered() + " of " + row.sharedMeasured(),
              spread(row.legacySimilarity())));
    }
    Markdown text = new Markdown().table(header, cells);
    if (legacy != null) {
      String conclusion =
          "Legacy conclusion: \"similar circuits, hence one\" at the cut that is best for these very models (%s) is right for"
              + " %s of %d monolithic and %s of %d modular and mixed models%s.";
      text.paragraph(
          conclusion.formatted(
              number(legacy.cut()),
              number(legacy.monolithicRight()),
              legacy.monolithic(),
              number(legacy.othersRight()),
              legacy.others(),
              legacy.none() == 0
                  ? ""
                  : ", and calls %s of %d models that never refuse monolithic"
                      .formatted(number(legacy.noneAbove()), legacy.none())));
    }
    return text.toString();
  }

  private static String spread(double[] values) {
    return Double.isNaN(values[1])
        ? ""
        : "%s (%s, %s)".formatted(number(values[1]), number(values[0]), number(values[2]));
  }

  private static String number(double value) {
    String text = String.format(Locale.ROOT, "%.2f", value);
    return text.equals("-0.00") ? "0.00" : text;
  }
}
