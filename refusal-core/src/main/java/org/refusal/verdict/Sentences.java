package org.refusal.verdict;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
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
    return Double.isFinite(share) ? whole(share) + " %" : "undefined";
  }

  /** {@code 0.94 [0.88, 0.99]}, as in tables: the interval of 95 %. */
  static String brief(Estimate estimate) {
    return estimate.interval().isDefined()
        ? "%s [%s, %s]"
            .formatted(
                number(estimate.value()), number(estimate.interval().low()), number(estimate.interval().high()))
        : number(estimate.value());
  }

  /** {@code 126 % [120, 131]}: a share that may leave 0 to 100. */
  static String percent(Estimate estimate) {
    return estimate.interval().isDefined()
        ? "%s [%s, %s]"
            .formatted(
                percent(estimate.value()), whole(estimate.interval().low()), whole(estimate.interval().high()))
        : percent(estimate.value());
  }

  /** Two significant digits without an exponent, and no more than four decimals: 4.0, 0.0081, 0. */
  static String significant(double value) {
    if (!Double.isFinite(value)) {
      return "undefined";
    }
    BigDecimal rounded = new BigDecimal(value).round(new MathContext(2));
    return (rounded.scale() > 4 ? rounded.setScale(4, RoundingMode.HALF_UP).stripTrailingZeros() : rounded).toPlainString();
  }

  /** {@code a, b and c}. */
  static String list(List<String> items) {
    return list(items, "and");
  }

  /** {@code a, b or c}. */
  static String choice(List<String> items) {
    return list(items, "or");
  }

  private static String list(List<String> items, String word) {
    int last = items.size() - 1;
    return last < 1
        ? String.join("", items)
        : "%s %s %s".formatted(String.join(", ", items.subList(0, last)), word, items.get(last));
  }

  /** {@code 94 % [88, 99]}, cut to between 0 and 100: for sentences, not for tables. */
  static String share(Estimate estimate) {
    return Double.isFinite(estimate.value())
        ? "%s %% [%s, %s]"
            .formatted(
                whole(cut(estimate.value())), whole(cut(estimate.interval().low())),
                whole(cut(estimate.interval().high())))
        : "an undefined share";
  }

  private static double cut(double share) {
    return Double.isNaN(share) ? share : Math.max(0, Math.min(1, share));
  }

  private static String whole(double share) {
    String text = Double.isFinite(share) ? String.format(Locale.ROOT, "%.0f", 100 * share) : "?";
    return text.equals("-0") ? "0" : text;
  }

  private static final List<String> NUMBERS =
      List.of("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten");

  /** {@code five}; digits above ten. */
  static String count(int number) {
    return number < NUMBERS.size() ? NUMBERS.get(number) : Integer.toString(number);
  }
}
