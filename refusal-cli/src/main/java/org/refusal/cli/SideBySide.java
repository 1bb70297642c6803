package org.refusal.cli;

import java.io.PrintWriter;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;

/**
 * Runs tasks at the same time, each with a console of its own. The first that has not ended prints at once; what the others
 * print is held until those before them have ended, so that it reads as if they had run one after the other.
 */
final class SideBySide {
  private final Console console;
  private final boolean together;
  private final List<List<Held>> held = new ArrayList<>();
  private final boolean[] ended;
  private int turn;

  private record Held(PrintWriter target, String text) {}

  private SideBySide(Console console, int tasks, boolean together) {
    this.console = console;
    this.together = together;
    this.ended = new boolean[tasks];
    for (int i = 0; i < tasks; i++) {
      held.add(new ArrayList<>());
    }
  }

  /**
   * Returns when all have ended, with their results in order; if some failed, the failure of the first of them is thrown
   * and carries the others.
   *
   * @param atOnce as many run at the same time, begun in order
   */
  static <T> List<T> run(List<Function<Console, T>> tasks, int atOnce, Console console) {
    SideBySide outputs = new SideBySide(console, tasks.size(), atOnce > 1);
    ExecutorService threads = Executors.newFixedThreadPool(atOnce);
    try {
      List<Future<T>> futures = new ArrayList<>();
      for (int i = 0; i < tasks.size(); i++) {
        int task = i;
        futures.add(
            threads.submit(
                () -> {
                  try {
                    return tasks.get(task).apply(outputs.of(task));
                  } finally {
                    outputs.end(task);
                  }
                }));
      }
      return results(futures);
    } finally {
      threads.shutdownNow();
    }
  }

  private static <T> List<T> results(List<Future<T>> futures) {
    List<T> results = new ArrayList<>();
    Throwable failure = null;
    for (Future<T> future : futures) {
      try {
        results.add(future.get());
      } catch (ExecutionException e) {
        if (failure == null) {
          failure = e.getCause();
        } else {
          failure.addSuppressed(e.getCause());
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
    }
    if (failure instanceof RuntimeException unchecked) {
      throw unchecked;
    }
    if (failure instanceof Error error) {
      throw error;
    }
    return results;
  }

  /** Bars move on a terminal; those of several tasks would write over each other. */
  private Console of(int task) {
    return new Console(
        console.in(),
        new PrintWriter(new Turn(task, console.out()), true),
        new PrintWriter(new Turn(task, console.err()), true),
        console.terminal() && (!together || task == 0),
        console.environment());
  }

  private synchronized void end(int task) {
    ended[task] = true;
    while (turn < ended.length && ended[turn]) {
      turn++;
      if (turn < ended.length) {
        held.get(turn).forEach(each -> each.target().print(each.text()));
        held.get(turn).clear();
      }
    }
    console.out().flush();
    console.err().flush();
  }

  /** Prints or holds, for one task. */
  private final class Turn extends Writer {
    private final int task;
    private final PrintWriter target;

    Turn(int task, PrintWriter target) {
      this.task = task;
      this.target = target;
    }

    @Override
    public void write(char[] buffer, int from, int count) {
      String text = new String(buffer, from, count);
      synchronized (SideBySide.this) {
        if (task == turn) {
          target.print(text);
        } else {
          held.get(task).add(new Held(target, text));
        }
      }
    }

    @Override
    public void flush() {
      synchronized (SideBySide.this) {
        if (task == turn) {
          target.flush();
        }
      }
    }

    @Override
    public void close() {
      flush();
    }
  }
}
