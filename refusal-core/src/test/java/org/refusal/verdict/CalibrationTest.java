package org.refusal.verdict;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.refusal.base.Progress;
import org.refusal.io.Json;

/** The targets of calibration, at numbers that a test can afford. */
@Tag("slow")
class CalibrationTest {
  private static final Calibration.Options OPTIONS = new Calibration.Options(500, 300, 40, 99, 200, 2026, 2);

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
    // 300 simulations: a coverage of 92 to 98 % is seen within 2.5 points of itself. At a cosine of 1 the interval of S
    // is conservative.
    assertThat(Calibration.coverage(OPTIONS, Progress.none()))
        .isNotEmpty()
        .allSatisfy(row -> assertThat(row.covered()).as(row.toString()).isGreaterThanOrEqualTo(0.895))
        .filteredOn(row -> row.truth() == 0.5)
        .allSatisfy(row -> assertThat(row.covered()).as(row.toString()).isLessThanOrEqualTo(0.995));
  }

  @Test
  void theVerdictIsSeldomWrong() {
    assertThat(Calibration.errors(OPTIONS, VerdictTest.THRESHOLDS, Progress.none()))
        .allSatisfy(
            row -> {
              assertThat(row.falseMonolithic()).as(row.toString()).isLessThanOrEqualTo(0.05);
              assertThat(row.falseModular()).as(row.toString()).isLessThanOrEqualTo(0.05);
            });
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
