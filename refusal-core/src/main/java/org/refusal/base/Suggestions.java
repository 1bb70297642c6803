package org.refusal.base;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** The nearest of the names that would have been right. */
public final class Suggestions {
  private Suggestions() {}

  /** The closest candidate by edit distance, if it is close enough to have been meant. */
  public static Optional<String> nearest(String written, Collection<String> candidates) {
    String plain = plain(written);
    return candidates.stream()
        .min(Comparator.comparingInt((String c) -> distance(plain, plain(c))).thenComparing(Comparator.naturalOrder()))
        .filter(c -> distance(plain, plain(c)) <= Math.max(2, written.length() / 3));
  }

  /** {@code "; did you mean X?"}, or nothing. */
  public static String didYouMean(String written, Collection<String> candidates) {
    return nearest(written, candidates).map(c -> "; did you mean " + c + "?").orElse("");
  }

  private static String plain(String name) {
    return name.toLowerCase(Locale.ROOT).replace('-', '_');
  }

  /** Levenshtein distance, O(|a| |b|). */
  static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(substituted, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
