package org.refusal.data;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.refusal.base.UserException;

/**
 * Which prompt of a run: whatever is known of a prompt, in whatever file, is joined by it. Toxic and safe, discovery and held-out
 * prompts of a category are counted together, so that its side is no part of a prompt's identity.
 *
 * @param category as it was spelled in the data
 * @param index number of the prompt within its category, from 0: {@code prompt_index} of the outputs, activation and
 *     attribution files
 */
public record PromptKey(String category, long index) implements Comparable<PromptKey> {
  private static final Comparator<PromptKey> ORDER =
      Comparator.comparing(PromptKey::category).thenComparingLong(PromptKey::index);

  public PromptKey {
    Objects.requireNonNull(category, "category");
  }

  /** By category, then by index. */
  @Override
  public int compareTo(PromptKey other) {
    return ORDER.compare(this, other);
  }

  /** How messages and random streams name the prompt: {@code privacy/17}. */
  @Override
  public String toString() {
    return category + "/" + index;
  }

  /** The prompts of one category with these indices, in their order. */
  public static List<PromptKey> of(String category, long[] indices) {
    return Arrays.stream(indices).mapToObj(index -> new PromptKey(category, index)).toList();
  }

  /**
   * Rows by the prompt that they are of, in their order.
   *
   * @throws UserException bad data, where two rows are of one prompt
   */
  public static <T> Map<PromptKey, T> byKey(Collection<T> rows, Function<T, PromptKey> key) {
    Map<PromptKey, T> byKey = new LinkedHashMap<>();
    for (T row : rows) {
      if (byKey.put(key.apply(row), row) != null) {
        throw UserException.badData("prompt %s is there twice".formatted(key.apply(row)), "run collect again");
      }
    }
    return byKey;
  }

  /** Numbers of the rows that are of a wanted prompt, ascending; O(rows). */
  public static int[] rows(List<PromptKey> ofRows, Set<PromptKey> wanted) {
    return IntStream.range(0, ofRows.size()).filter(row -> wanted.contains(ofRows.get(row))).toArray();
  }
}
