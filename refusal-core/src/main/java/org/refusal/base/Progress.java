package org.refusal.base;

/** Told by long work how far it is. Implementations decide what a person sees of it. Safe for use by many threads. */
public interface Progress {
  /** Begins a task of so many steps; -1 when the number is not known. Close it when it ends, however it ends. */
  Task task(String name, long steps);

  /** One line for the log, e.g. a warning or a figure on the way. */
  void note(String line);

  /** A task under way. */
  interface Task extends AutoCloseable {
    void advance(long steps);

    /** A short figure beside the bar, e.g. {@code "FVU 0.08"}. */
    void figure(String text);

    @Override
    void close();
  }

  /** Shows nothing. */
  static Progress none() {
    return new Progress() {
      @Override
      public Task task(String name, long steps) {
        return new Task() {
          @Override
          public void advance(long count) {}

          @Override
          public void figure(String text) {}

          @Override
          public void close() {}
        };
      }

      @Override
      public void note(String line) {}
    };
  }
}
