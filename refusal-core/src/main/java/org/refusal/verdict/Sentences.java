package org.refusal.verdict;

import java.util.List;
import java.util.Locale;
import org.refusal.stats.Estimate;
import org.refusal.stats.Interval;

/** Figures as they stand in sentences: two decimals, the same in every locale. */
final class Sentences {
  private Sentences() {}

  static String number(double value) {
    if (!Double.isFinite(value)) {
      return "undefined";
    }
    String text = String.format(Locale.ROOT, "%.2f", value);
    return text.equals("-0.00") ? "0.00" : text;
  }

  static String interval(Interval interval) {
    return interval.isDefined()
        ? "%s to %s".formatted(number(interval.low()), number(interval.high()))
        : "no interval";
  }

  /** {@code .91 (95 % interval .85 to .95)}. */
  static String estimate(Estimate estimate) {
    return "%s (%.0f %% interval %s)"
        .formatted(
            number(estimate.value()), 100 * estimate.interval().level(), interval(estimate.interval()));
  }

  static String percent(double share) {
    return Double.isFinite(share) ? String.format(Locale.ROOT, "%.0f %%", 100 * share) : "undefined";
  }

  /** {@code a, b and c}. */
  static String list(List<String> items) {
    int last = items.size() - 1;
    return last < 1 ? String.join("", items) : String.join(", ", items.subList(0, last)) + " and " + items.get(last);
  }

  /** {@code 94 % [88, 99]}, cut to between 0 and 100: for sentences, not for tables. */
  static String share(Estimate estimate) {
    return Double.isFinite(estimate.value())
        ? "%s %% [%s, %s]"
            .formatted(
                whole(estimate.value()), whole(estimate.interval().low()), whole(estimate.interval().high()))
        : "an undefined share";
  }

  private static String whole(double share) {
    return Double.isFinite(share)
        ? String.format(Locale.ROOT, "%.0f", 100 * Math.max(0, Math.min(1, share)))
        : "?";
  }

  private static final List<String> NUMBERS =
      List.of("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten");

  /** {@code five}; digits above ten. */
  static String count(int number) {
    return number < NUMBERS.size() ? NUMBERS.get(number) : Integer.toString(number);
  }
}
