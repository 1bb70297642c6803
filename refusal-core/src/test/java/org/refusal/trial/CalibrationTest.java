package org.refusal.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.stream.Collectors;
import org.apache.commons.math3.distribution.BinomialDistribution;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.refusal.base.Progress;
import org.refusal.io.Json;
import org.refusal.trial.Calibration.Answers;
import org.refusal.trial.Calibration.Coverage;
import org.refusal.verdict.Answer;
import org.refusal.verdict.VerdictTest;

/**
 * The targets of calibration, at numbers that a test can afford. Every cell is tested by itself: exact binomial test of the
 * count in the cell against the target, at .05 / number of cells, so that a right program fails in at most 5 % of seeds.
 */
@Tag("slow")
class CalibrationTest {
  private static final Calibration.Options OPTIONS = new Calibration.Options(500, 150, 60, 99, 300, 2026, 2);
  private static final double LEAST_COVERAGE = .92;
  private static final double MOST_COVERAGE = .98;
  private static final double MOST_WRONG = .05;

  @Test
  void pValuesAreUniformWhereCategoriesDoNotDiffer() {
    assertThat(WorldTables.uniformity(OPTIONS, Progress.none()))
        .hasSize(4)
        .allSatisfy(
            row -> {
              assertThat(row.ksP()).as(row.toString()).isGreaterThan(0.01);
              assertThat(row.rejectedAt05()).as(row.toString()).isBetween(0.02, 0.08);
            });
  }

  @Test
  void intervalsCoverTheTruth() {
    List<Coverage> rows = Calibration.coverage(OPTIONS, Progress.none());
    assertThat(rows).extracting(Coverage::truth).contains(0., 1.);
    double level = .05 / rows.size();
    for (Coverage row : rows) {
      assertThat(atMost(row.hits(), row.simulations(), LEAST_COVERAGE)).as("too few: %s", row).isGreaterThan(level);
      boolean withoutWidth = row.truth() > 1 - 1e-6; // read along one direction: estimate and interval are 1
      if (!withoutWidth) {
        assertThat(atLeast(row.hits(), row.simulations(), MOST_COVERAGE)).as("too many: %s", row).isGreaterThan(level);
      }
    }
    rows.stream()
        .filter(row -> row.truth() < 1 - 1e-6)
        .collect(Collectors.groupingBy(Coverage::statistic, Collectors.averagingDouble(Coverage::covered)))
        .forEach((statistic, mean) -> assertThat(mean).as(statistic).isBetween(LEAST_COVERAGE, MOST_COVERAGE));
  }

  @Test
  void theVerdictIsSeldomWrongInAnyCell() {
    List<Answers> rows = Calibration.errors(OPTIONS, VerdictTest.THRESHOLDS, Progress.none());
    assertThat(rows).extracting(Answers::truth).contains(Answer.MONOLITHIC, Answer.MODULAR, Answer.MIXED, Answer.GRADED);
    double level = .05 / rows.size();
    for (Answers row : rows) {
      assertThat(row.truth()).as("no kind lies at a bar: %s", row).isNotNull();
      assertThat(atLeast(row.wrongCount(), row.simulations(), MOST_WRONG)).as("wrong: %s", row).isGreaterThan(level);
      assertThat(row.falselyExcluded()).as(row.toString()).isLessThan(.1);
    }
    assertThat(rows).filteredOn(row -> row.world().endsWith("noise 0.5"))
        .filteredOn(row -> List.of("one", "several", "two pairs", "graded, .65").contains(kind(row)))
        .hasSize(4)
        .allSatisfy(row -> assertThat(row.share(row.truth())).as(row.toString()).isGreaterThan(.9));
  }

  private static String kind(Answers row) {
    return row.world().substring(0, row.world().lastIndexOf(", noise"));
  }

  /** P(X <= hits), of {@code n} trials with that chance. */
  private static double atMost(int hits, int n, double chance) {
    return new BinomialDistribution(null, n, chance).cumulativeProbability(hits);
  }

  private static double atLeast(int hits, int n, double chance) {
    return 1 - new BinomialDistribution(null, n, chance).cumulativeProbability(hits - 1);
  }

  @Test
  void theRuleOfTheTestTellsRightFromWrong() {
    assertThat(atMost(3, 4, .5)).isCloseTo(15. / 16, within(1e-12));
    assertThat(atLeast(3, 4, .5)).isCloseTo(5. / 16, within(1e-12));
    assertThat(atLeast(10, 60, MOST_WRONG)).as("one in six is wrong").isLessThan(.05 / 30);
    assertThat(atLeast(5, 60, MOST_WRONG)).isGreaterThan(.05 / 30);
    assertThat(atMost(125, 150, LEAST_COVERAGE)).as("83 % covered").isLessThan(.05 / 120);
  }

  @Test
  void threadsChangeNothing() {
    Calibration.Options few = new Calibration.Options(4, 2, 1, 19, 50, 3, 1);
    Calibration.Options parallel = new Calibration.Options(4, 2, 1, 19, 50, 3, 2);
    Calibration one = Calibration.run(few, VerdictTest.THRESHOLDS, Progress.none());
    Calibration two = Calibration.run(parallel, VerdictTest.THRESHOLDS, Progress.none());
    assertThat(two.markdown()).isEqualTo(one.markdown());
    assertThat(Json.toText(two.coverage())).isEqualTo(Json.toText(one.coverage()));
  }
}
