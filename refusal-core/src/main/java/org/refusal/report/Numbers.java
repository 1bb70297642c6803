package org.refusal.report;

import java.util.Locale;
import org.refusal.evaluation.Resampled;
import org.refusal.evaluation.Share;

/** Numbers as reports show them: two decimals, a dash for what is undefined. */
public final class Numbers {
  private static final String UNDEFINED = "–";

  private Numbers() {}

  /** Two decimals, no negative zero. */
  public static String of(double value) {
    return of(value, 2);
  }

  public static String of(double value, int decimals) {
    if (!Double.isFinite(value)) {
      return UNDEFINED;
    }
    String text = String.format(Locale.ROOT, "%." + decimals + "f", value);
    return text.matches("-0\\.?0*") ? text.substring(1) : text;
  }

  /** {@code 0.91 [0.85, 0.96]}; without brackets when there is no interval. */
  public static String of(double value, double low, double high) {
    return Double.isFinite(low) && Double.isFinite(high)
        ? "%s [%s, %s]".formatted(of(value), of(low), of(high))
        : of(value);
  }

  public static String of(Resampled interval) {
    return interval == null ? UNDEFINED : of(interval.value(), interval.low(), interval.high());
  }

  public static String of(Share share) {
    return of(share.value(), share.low(), share.high());
  }

  /** A p-value: three decimals, or a bound. */
  public static String probability(double p) {
    return p < 0.001 ? "< .001" : of(p, 3);
  }

  public static String percent(double share) {
    return Double.isFinite(share) ? of(100 * share, 1) + " %" : UNDEFINED;
  }
}
