package org.refusal.model;

import java.util.Arrays;
import java.util.List;

/**
 * Token ids of several prompts, padded on the left to the longest. Token t of row r stands in column
 * {@code width - length(r) + t}.
 */
public record TokenBatch(List<int[]> rows, int padId) {
  public TokenBatch {
    rows = List.copyOf(rows);
    if (rows.isEmpty()) {
      throw new IllegalArgumentException("a batch holds at least one row");
    }
    for (int[] row : rows) {
      if (row.length == 0) {
        throw new IllegalArgumentException("a row holds at least one token");
      }
    }
  }

  public int size() {
    return rows.size();
  }

  public int width() {
    return rows.stream().mapToInt(row -> row.length).max().orElseThrow();
  }

  public int length(int row) {
    return rows.get(row).length;
  }

  /** Columns of padding before the row's first token. */
  public int padding(int row) {
    return width() - length(row);
  }

  /** Tokens that all rows begin with, such that every row has at least one more; 0 for a single row. */
  public int sharedTokens() {
    if (rows.size() == 1) {
      return 0;
    }
    int[] first = rows.get(0);
    int shared = first.length - 1;
    for (int[] row : rows) {
      shared = Math.min(shared, row.length - 1);
      int different = Arrays.mismatch(first, 0, shared, row, 0, shared);
      shared = different < 0 ? shared : different;
    }
    return shared;
  }

  /** Every row the given number of times in a row: r0 r0 r0 r1 r1 r1. */
  public TokenBatch repeat(int times) {
    return new TokenBatch(
        rows.stream().flatMap(row -> java.util.Collections.nCopies(times, row).stream()).toList(), padId);
  }
}
