package org.refusal;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.assertj.core.api.ThrowableAssert;
import org.refusal.base.UserException;

/** Files that went wrong on their way: what a reader may do with one. */
public final class Damage {
  private static final long MOST_BYTES = 128L << 20;

  private Damage() {}

  /** The bytes with a few of them changed, cut off, left out or written twice. */
  public static byte[] of(byte[] whole, RandomGenerator random) {
    byte[] damaged = whole.clone();
    int from = random.nextInt(whole.length);
    int length = Math.min(whole.length - from, 1 + random.nextInt(8));
    switch (random.nextInt(6)) {
      case 0 -> {
        return Arrays.copyOf(whole, from);
      }
      case 1 -> {
        System.arraycopy(whole, from + length, damaged, from, whole.length - from - length);
        return Arrays.copyOf(damaged, whole.length - length);
      }
      case 2 -> {
        byte[] longer = Arrays.copyOf(whole, whole.length + length);
        System.arraycopy(whole, from, longer, from + length, whole.length - from);
        return longer;
      }
      default -> {
        for (int i = random.nextInt(4); i >= 0; i--) {
          damaged[random.nextInt(whole.length)] = (byte) random.nextInt();
        }
        return damaged;
      }
    }
  }

  /** Reading ends well, or in one line of a user's mistake; either way without much memory. */
  public static void assertReadOrRefused(ThrowableAssert.ThrowingCallable read) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    try {
      read.call();
    } catch (UserException refused) {
      assertThat(refused.getMessage()).doesNotContain("\n", "java.", "Exception", "jackson", "razorvine").doesNotEndWith("null");
    } catch (Throwable other) {
      throw new AssertionError("neither read nor refused: " + other, other);
    }
    assertThat(threads.getCurrentThreadAllocatedBytes() - before).as("bytes allocated").isLessThan(MOST_BYTES);
  }
}
