package org.refusal.verdict;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.apache.commons.math3.distribution.BinomialDistribution;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.refusal.base.Progress;
import org.refusal.io.Json;
import org.refusal.verdict.Calibration.Coverage;
import org.refusal.verdict.Calibration.ErrorRate;

/** The targets of calibration, at numbers that a test can afford. */
@Tag("slow")
class CalibrationTest {
  private static final Calibration.Options OPTIONS = new Calibration.Options(500, 300, 60, 99, 200, 2026, 2);

  @Test
  void pValuesAreUniformWhereCategoriesDoNotDiffer() {
    assertThat(Calibration.uniformity(OPTIONS, Progress.none()))
        .hasSize(4)
        .allSatisfy(
            row -> {
              assertThat(row.ksP()).as(row.toString()).isGreaterThan(0.01);
              assertThat(row.rejectedAt05()).as(row.toString()).isBetween(0.02, 0.08);
            });
  }

  @Test
  void intervalsCoverTheTruth() {
    // Wanted: 92 to 98 %. 300 simulations show a coverage with a standard error of .8 to 1.6 points: two of them are allowed
    // for in a row, hardly any on the mean of all.
    List<Coverage> rows = Calibration.coverage(OPTIONS, Progress.none());
    assertThat(rows)
        .isNotEmpty()
        .allSatisfy(row -> assertThat(row.covered()).as(row.toString()).isBetween(0.895, 0.9951));
    for (String statistic : List.of("S of a pair", "mean S", "D")) {
      assertThat(rows.stream().filter(row -> row.statistic().equals(statistic)).mapToDouble(Coverage::covered).average())
          .as(statistic)
          .hasValueCloseTo(0.95, within(0.02));
    }
  }

  @Test
  void theVerdictIsSeldomWrong() {
    List<ErrorRate> rows = Calibration.errors(OPTIONS, VerdictTest.THRESHOLDS, Progress.none());
    // 5 % wrong at most in each cell: of 60, more than 7 are seen in one of 100 runs
    int most = new BinomialDistribution(null, OPTIONS.verdictSimulations(), .05).inverseCumulativeProbability(.99);
    assertThat(rows).hasSizeGreaterThan(12)
        .allSatisfy(row ->
            assertThat(Math.round(row.wrong() * row.simulations())).as(row.toString()).isLessThanOrEqualTo(most));
    assertThat(rows).filteredOn(row -> row.noise() == 1)
        .filteredOn(row -> row.truth().equals("one cause"))
        .allSatisfy(row -> assertThat(row.monolithic()).as("drops of one prompt under two parts vary apart here").isGreaterThan(0.5));
    assertThat(rows).filteredOn(row -> row.noise() == 1)
        .filteredOn(row -> row.truth().equals("causes of their own"))
        .allSatisfy(row -> assertThat(row.modular()).isGreaterThan(0.9));
  }

  @Test
  void threadsChangeNothing() {
    Calibration.Options few = new Calibration.Options(4, 4, 1, 19, 50, 3, 1);
    Calibration.Options parallel = new Calibration.Options(4, 4, 1, 19, 50, 3, 2);
    Calibration one = Calibration.run(few, VerdictTest.THRESHOLDS, Progress.none());
    Calibration two = Calibration.run(parallel, VerdictTest.THRESHOLDS, Progress.none());
    assertThat(two.markdown()).isEqualTo(one.markdown());
    assertThat(Json.toText(two.coverage())).isEqualTo(Json.toText(one.coverage()));
  }
}
