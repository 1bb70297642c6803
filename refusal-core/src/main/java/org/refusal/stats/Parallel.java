package org.refusal.stats;

import java.util.function.IntConsumer;
import org.refusal.base.Workers;

/** Independent units of work over several threads. Each unit writes only to its own place. */
public final class Parallel {
  private Parallel() {}

  /** Work on the units {@code from .. from + size - 1}. */
  @FunctionalInterface
  interface Batch {
    void accept(int from, int size);
  }

  /** As {@link #forEach}, in batches of up to {@code size} consecutive units. */
  static void forEachBatch(int units, int size, int threads, Batch work) {
    forEach(
        (units + size - 1) / size,
        threads,
        batch -> work.accept(batch * size, Math.min(size, units - batch * size)));
  }

  /** Runs {@code work} for 0..units-1 and returns when all are done; the first exception is thrown on. */
  public static void forEach(int units, int threads, IntConsumer work) {
    int workers = Math.min(threads, units);
    if (workers <= 1) {
      for (int unit = 0; unit < units; unit++) {
        work.accept(unit);
      }
      return;
    }
    try (Workers pool = new Workers(workers)) {
      pool.forEachUnit(units, work);
    }
  }
}
