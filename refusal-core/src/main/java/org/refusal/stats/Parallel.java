package org.refusal.stats;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

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
    AtomicInteger next = new AtomicInteger();
    Runnable loop =
        () -> {
          for (int unit = next.getAndIncrement(); unit < units; unit = next.getAndIncrement()) {
            work.accept(unit);
          }
        };
    ExecutorService pool = Executors.newFixedThreadPool(workers);
    try {
      List<Future<?>> running = new ArrayList<>();
      for (int worker = 0; worker < workers; worker++) {
        running.add(pool.submit(loop));
      }
      for (Future<?> worker : running) {
        worker.get();
      }
    } catch (ExecutionException e) {
      next.set(units);
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      if (e.getCause() instanceof Error cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      next.set(units);
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    } finally {
      pool.shutdownNow();
    }
  }
}
