package org.refusal.cli;

import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;

/** The program {@code refusal}. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    int code = run(new Console(System.in, out, err, System.console() != null, System.getenv()), arguments);
    err.flush();
    System.exit(code);
  }

  /** Runs a command as a process would, but in this one, and returns its exit code. */
  public static int run(PrintWriter out, PrintWriter err, Map<String, String> environment, String... arguments) {
    return run(new Console(out, err, false, environment), arguments);
  }

  /** As {@link #run(PrintWriter, PrintWriter, Map, String...)}, with something to read. */
  public static int run(
      InputStream in, PrintWriter out, PrintWriter err, Map<String, String> environment, String... arguments) {
    return run(new Console(in, out, err, false, environment), arguments);
  }

  private static int run(Console console, String... arguments) {
    Surroundings.settle(console.environment());
    int code = CommandTree.of(console).execute(arguments);
    if (console.out().checkError() && code == ExitCode.OK.code()) {
      return Failures.failed(
          UserException.environment("standard output: cannot be written", "did the reader of the pipe end, or is the disk full?"),
          console.err(), false);
    }
    return code;
  }
}
