package org.refusal.base;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;

/**
 * Random streams that depend on a seed and on names only, never on the order in which they are asked for. Work that is
 * split over threads or shards derives one stream per unit of work, so that the result is the same for any split.
 */
public final class Seeds {
  private Seeds() {}

  /** A seed for the unit of work with these names: the first eight bytes of SHA-256 of seed and names. */
  public static long derive(long seed, String... names) {
    MessageDigest digest = Digests.newDigest();
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(seed).flip());
    for (String name : names) {
      byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
      digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).flip());
      digest.update(bytes);
    }
    return ByteBuffer.wrap(digest.digest()).getLong();
  }

  public static SplittableRandom random(long seed, String... names) {
    return new SplittableRandom(derive(seed, names));
  }

  /**
   * A random choice of {@code count} of {@code 0 .. n - 1}, ascending: those with the lowest hashes. With hashes that
   * depend on what the numbers stand for, the choice does not depend on how they are ordered; the first of equal ones wins.
   */
  public static IntStream lowest(int n, int count, IntToLongFunction hash) {
    long[] hashes = IntStream.range(0, n).mapToLong(hash).toArray();
    return IntStream.range(0, n)
        .boxed()
        .sorted(Comparator.comparingLong(i -> hashes[i]))
        .limit(count)
        .mapToInt(Integer::intValue)
        .sorted();
  }

  /** Fisher-Yates on the array itself. */
  public static void shuffle(int[] values, SplittableRandom random) {
    for (int i = values.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swapped = values[i];
      values[i] = values[j];
      values[j] = swapped;
    }
  }

  /** A random order of 0..n-1. */
  public static int[] permutation(int n, SplittableRandom random) {
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      order[i] = i;
    }
    shuffle(order, random);
    return order;
  }
}
