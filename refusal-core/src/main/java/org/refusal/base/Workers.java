package org.refusal.base;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/** Work on a fixed number of threads, of which the calling thread is one. */
public final class Workers implements AutoCloseable {
  private final int threads;
  private final ExecutorService workers;

  public Workers(int threads) {
    this.threads = Math.max(1, threads);
    this.workers =
        this.threads == 1
            ? null
            : Executors.newFixedThreadPool(
                this.threads - 1,
                task -> {
                  Thread thread = new Thread(task, "worker");
                  thread.setDaemon(true);
                  return thread;
                });
  }

  @FunctionalInterface
  public interface Range {
    /** Works on {@code from .. to - 1}. */
    void run(int from, int to);
  }

  /** Returns when every part of {@code 0 .. n - 1} is done; the first failure is thrown. */
  public void forEach(int n, Range work) {
    if (threads == 1 || n < 2 * threads) {
      work.run(0, n);
      return;
    }
    onEveryThread(
        part -> work.run((int) ((long) n * part / threads), (int) ((long) n * (part + 1) / threads)));
  }

  /** Hands out 0 .. n - 1, one at a time; ends as {@link #runAll} does. */
  public void forEachUnit(int n, IntConsumer work) {
    AtomicInteger next = new AtomicInteger();
    onEveryThread(
        part -> {
          for (int i = next.getAndIncrement(); i < n; i = next.getAndIncrement()) {
            try {
              work.accept(i);
            } catch (RuntimeException | Error e) {
              next.set(n);
              throw e;
            }
          }
        });
  }

  /** Returns when every task is done, or, once one has failed, when those already begun have ended: it is thrown. */
  public void runAll(List<? extends Runnable> tasks) {
    forEachUnit(tasks.size(), i -> tasks.get(i).run());
  }

  private void onEveryThread(IntConsumer work) {
    List<Future<?>> parts = new ArrayList<>();
    for (int i = 1; i < threads; i++) {
      int part = i;
      parts.add(workers.submit(() -> work.accept(part)));
    }
    Throwable failure = null;
    try {
      work.accept(0);
    } catch (RuntimeException | Error e) {
      failure = e;
    }
    for (Future<?> part : parts) {
      Throwable other = failureOf(part);
      failure = failure == null ? other : failure;
    }
    if (failure instanceof RuntimeException thrown) {
      throw thrown;
    }
    if (failure instanceof Error thrown) {
      throw thrown;
    }
  }

  /** Waits for the end of a part; null where it did not fail. */
  private static Throwable failureOf(Future<?> part) {
    try {
      part.get();
      return null;
    } catch (ExecutionException e) {
      return e.getCause(); // parts throw nothing that is checked
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return new IllegalStateException("interrupted", e);
    }
  }

  @Override
  public void close() {
    if (workers != null) {
      workers.shutdownNow();
    }
  }
}
