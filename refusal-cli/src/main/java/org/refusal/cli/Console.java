package org.refusal.cli;

import java.io.InputStream;
import java.io.PrintWriter;
import java.util.Map;

/**
 * Where a command reads and writes, and what it knows of its surroundings. Results go to {@code out}; progress, logs and errors to
 * {@code err}.
 *
 * @param terminal whether a person watches
 */
record Console(InputStream in, PrintWriter out, PrintWriter err, boolean terminal, Map<String, String> environment) {
  /** With nothing to read. */
  Console(PrintWriter out, PrintWriter err, boolean terminal, Map<String, String> environment) {
    this(InputStream.nullInputStream(), out, err, terminal, environment);
  }

  boolean color() {
    return terminal && !environment.containsKey("NO_COLOR") && !"dumb".equals(environment.get("TERM"));
  }
}
