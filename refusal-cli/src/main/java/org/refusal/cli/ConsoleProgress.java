package org.refusal.cli;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.refusal.base.ExitCode;
import org.refusal.base.Progress;
import org.refusal.base.UserException;

/**
 * Progress for people: a bar on a terminal, a line every 30 seconds elsewhere, nothing when quiet. Steps are also where
 * an interrupted run stops: once {@code interrupted} is set, the next step ends the stage.
 */
final class ConsoleProgress implements Progress {
  private static final long LINE_EVERY_MILLIS = 30_000;

  private final Console console;
  private final boolean quiet;
  private final LongSupplier clockMillis;
  private final AtomicBoolean interrupted;

  ConsoleProgress(Console console, boolean quiet, LongSupplier clockMillis, AtomicBoolean interrupted) {
    this.console = console;
    this.quiet = quiet;
    this.clockMillis = clockMillis;
    this.interrupted = interrupted;
  }

  @Override
  public Task task(String name, long steps) {
    if (quiet) {
      return new Silent();
    }
    return console.terminal() ? new Bar(name, steps) : new Lines(name, steps);
  }

  @Override
  public void note(String line) {
    if (!quiet || line.startsWith("warning")) {
      console.err().println(line);
    }
  }

  private void stopIfInterrupted() {
    if (interrupted.get()) {
      throw new UserException(
          ExitCode.INTERRUPTED, "interrupted", "run the same command again: it goes on where it stopped");
    }
  }

  private class Silent implements Task {
    @Override
    public void advance(long steps) {
      stopIfInterrupted();
    }

    @Override
    public void figure(String text) {}

    @Override
    public void close() {}
  }

  private final class Lines extends Silent {
    private final String name;
    private final long steps;
    private final long started = clockMillis.getAsLong();
    private long done;
    private long lastLine = started;
    private String figure = "";

    Lines(String name, long steps) {
      this.name = name;
      this.steps = steps;
    }

    @Override
    public synchronized void advance(long count) {
      super.advance(count);
      done += count;
      long now = clockMillis.getAsLong();
      if (now - lastLine >= LINE_EVERY_MILLIS) {
        lastLine = now;
        line(now);
      }
    }

    @Override
    public synchronized void figure(String text) {
      figure = text;
    }

    @Override
    public synchronized void close() {
      line(clockMillis.getAsLong());
    }

    private void line(long now) {
      PrintWriter err = console.err();
      String of = steps > 0 ? "%d/%d (%d %%)".formatted(done, steps, done * 100 / steps) : Long.toString(done);
      long elapsed = now - started;
      String left =
          steps > 0 && done > 0 && done < steps ? ", left " + time(elapsed * (steps - done) / done) : "";
      err.println("%s: %s in %s%s%s".formatted(name, of, time(elapsed), left, figure.isEmpty() ? "" : ", " + figure));
    }
  }

  static String time(long millis) {
    Duration duration = Duration.ofMillis(millis);
    if (duration.toHours() > 0) {
      return "%d:%02d:%02d h".formatted(duration.toHours(), duration.toMinutesPart(), duration.toSecondsPart());
    }
    return duration.toMinutes() > 0
        ? "%d:%02d min".formatted(duration.toMinutes(), duration.toSecondsPart())
        : "%.1f s".formatted(millis / 1000.0);
  }

  private final class Bar extends Silent {
    private final ProgressBar bar;

    Bar(String name, long steps) {
      bar =
          new ProgressBarBuilder()
              .setTaskName(name)
              .setInitialMax(steps)
              .setStyle(ProgressBarStyle.ASCII)
              .setUpdateIntervalMillis(250)
              .setConsumer(new DelegatingProgressBarConsumer(line -> {
                console.err().print("\r" + line);
                console.err().flush();
              }, 100))
              .build();
    }

    @Override
    public void advance(long steps) {
      super.advance(steps);
      bar.stepBy(steps);
    }

    @Override
    public void figure(String text) {
      bar.setExtraMessage(" " + text);
    }

    @Override
    public void close() {
      bar.close();
      console.err().println();
    }
  }
}
