package org.refusal.bench;

/**
 * One line of a result.
 *
 * @param baseline measured in the same run
 * @param unit of both
 * @param smallerIsFaster whether the unit is a time (or a memory), not a rate
 */
record Row(String metric, double ours, double baseline, String unit, boolean smallerIsFaster) {
  static Row time(String metric, double ours, double baseline, String unit) {
    return new Row(metric, ours, baseline, unit, true);
  }

  static Row rate(String metric, double ours, double baseline, String unit) {
    return new Row(metric, ours, baseline, unit, false);
  }

  /** How many times as fast as the baseline. */
  double ratio() {
    return smallerIsFaster ? baseline / ours : ours / baseline;
  }
}
