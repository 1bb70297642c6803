package org.refusal.config;

import java.util.Collection;

/** Possible values of config keys. The message begins with the key, so that the binder can put its place before it. */
final class Checks {
  private Checks() {}

  static void atLeast(String key, long value, long least) {
    require(key, value >= least, value, "a whole number of at least " + least);
  }

  static void positive(String key, double value) {
    require(key, value > 0, value, "a number above 0");
  }

  static void notNegative(String key, double value) {
    require(key, value >= 0, value, "a number of at least 0");
  }

  /** Both ends allowed. */
  static void fraction(String key, double value) {
    require(key, value >= 0 && value <= 1, value, "a share from 0 to 1");
  }

  static void require(String key, boolean possible, Object value, String wanted) {
    if (!possible) {
      throw new IllegalArgumentException("%s: %s is not %s".formatted(key, value, wanted));
    }
  }

  /** Lists in which a repetition can only be a mistake. */
  static void noRepetition(String key, Collection<?> values) {
    require(key, values.stream().distinct().count() == values.size(), values, "a list without repetitions");
  }
}
