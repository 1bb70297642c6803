package org.refusal.stats;

import com.fasterxml.jackson.annotation.JsonIgnore;

/**
 * A confidence interval; NaN bounds mean undefined.
 *
 * @param level nominal coverage, such as 0.95
 */
public record Interval(double low, double high, double level) {
  public static Interval undefined(double level) {
    return new Interval(Double.NaN, Double.NaN, level);
  }

  @JsonIgnore
  public boolean isDefined() {
    return !Double.isNaN(low) && !Double.isNaN(high);
  }

  public boolean contains(double value) {
    return low <= value && value <= high;
  }

  /** Whether the whole interval lies above; false when undefined. */
  public boolean above(double value) {
    return low > value;
  }

  /** Whether the whole interval lies below; false when undefined. */
  public boolean below(double value) {
    return high < value;
  }

  public boolean within(double from, double to) {
    return low >= from && high <= to;
  }

  /** Whether the two have a point in common; false when either is undefined. */
  public boolean meets(Interval other) {
    return low <= other.high && other.low <= high;
  }
}
