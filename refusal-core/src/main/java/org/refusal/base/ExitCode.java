package org.refusal.base;

/** What the process tells the shell when it ends. The numbers follow sysexits.h where it has one. */
public enum ExitCode {
  OK(0),
  /** A defect of the toolkit itself: the only case in which a stack trace is shown. */
  BUG(1),
  USAGE(2),
  BAD_DATA(65),
  /** The machine lacks something: memory, disk, GPU, a native library. */
  ENVIRONMENT(69),
  /** Stopped before the end; running the same command again goes on where it stopped. */
  INTERRUPTED(75),
  BAD_CONFIG(78);

  private final int code;

  ExitCode(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }
}
