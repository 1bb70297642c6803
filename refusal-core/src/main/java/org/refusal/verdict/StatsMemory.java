package org.refusal.verdict;

import org.refusal.base.UserException;
import org.refusal.stats.GramMatrix;

/** What the matrices over pairs of prompts take, known before the first is made: 8 n^2 bytes each. */
public final class StatsMemory {
  /** Beside those that stay: topic distances, and at most so many while one matrix is tested. */
  private static final int WORKING = 7;

  /** Of the heap: the rest is for what was read. */
  private static final double SHARE = 0.85;

  /** Of the heap for matrices of distances that are tested against the topics side by side. */
  private static final int DISTANCES = 8;

  private StatsMemory() {}

  /**
   * Refuses what cannot be held.
   *
   * @param prompts refused discovery prompts of all categories
   * @param perHookPoint matrices that stay for each hook point
   * @param heapBytes of this Java process
   */
  public static void require(int prompts, int categories, int hookPoints, int perHookPoint, long heapBytes) {
    GramMatrix.requireSize(prompts);
    long matrices = (long) hookPoints * perHookPoint + 1 + WORKING;
    double bytes = 8.0 * prompts * prompts * matrices;
    if (bytes > SHARE * heapBytes) {
      int most = (int) Math.sqrt(SHARE * heapBytes / (8.0 * matrices));
      throw UserException.environment(
          "%d refused discovery prompts at %d hook points: %d matrices of %d x %d take %.1f GiB; the heap has %.1f"
              .formatted(prompts, hookPoints, matrices, prompts, prompts, bytes / (1 << 30), heapBytes / (double) (1 << 30)),
          "run discover again with discovery.max_prompts_per_category %d or less, or with fewer hook points; or give Java more: REFUSAL_JAVA_OPTS=-Xmx%dg"
              .formatted(Math.max(1, most / categories), (long) Math.ceil(bytes / SHARE / (1 << 30))));
    }
  }

  /** How many matrices of distances of n prompts are made at a time. */
  static int distancesAtOnce(int prompts, long heapBytes) {
    return (int) Math.max(1, Math.min(1 << 20, heapBytes / DISTANCES / (8.0 * prompts * prompts)));
  }
}
