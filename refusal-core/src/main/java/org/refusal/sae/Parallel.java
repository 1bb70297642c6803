package org.refusal.sae;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Splits ranges over a fixed number of threads; the calling thread takes the first part. */
final class Parallel implements AutoCloseable {
  private final int threads;
  private final ExecutorService workers;

  Parallel(int threads) {
    this.threads = Math.max(1, threads);
    this.workers =
        this.threads == 1
            ? null
            : Executors.newFixedThreadPool(
                this.threads - 1,
                task -> {
                  Thread thread = new Thread(task, "sae-worker");
                  thread.setDaemon(true);
                  return thread;
                });
  }

  @FunctionalInterface
  interface Range {
    /** Works on {@code from .. to - 1}. */
    void run(int from, int to);
  }

  /** Returns when every part of {@code 0 .. n - 1} is done; the first failure is thrown. */
  void forEach(int n, Range work) {
    if (threads == 1 || n < 2 * threads) {
      work.run(0, n);
      return;
    }
    List<Future<?>> parts = new ArrayList<>();
    for (int part = 1; part < threads; part++) {
      int from = (int) ((long) n * part / threads);
      int to = (int) ((long) n * (part + 1) / threads);
      parts.add(workers.submit(() -> work.run(from, to)));
    }
    try {
      work.run(0, n / threads);
    } finally {
      parts.forEach(Parallel::await);
    }
  }

  private static void await(Future<?> part) {
    try {
      part.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  @Override
  public void close() {
    if (workers != null) {
      workers.shutdownNow();
    }
  }
}
