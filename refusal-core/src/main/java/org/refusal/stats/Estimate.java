package org.refusal.stats;

/** A number and its interval. */
public record Estimate(double value, Interval interval) {
  public static Estimate undefined(double level) {
    return new Estimate(Double.NaN, Interval.undefined(level));
  }
}
