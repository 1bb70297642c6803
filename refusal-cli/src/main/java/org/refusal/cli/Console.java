package org.refusal.cli;

import java.io.PrintWriter;
import java.util.Map;

/**
 * Where a command writes and what it knows of its surroundings. Results go to {@code out}; progress, logs and errors to
 * {@code err}.
 *
 * @param terminal whether a person watches
 */
record Console(PrintWriter out, PrintWriter err, boolean terminal, Map<String, String> environment) {

  boolean color() {
    return terminal && !environment.containsKey("NO_COLOR") && !"dumb".equals(environment.get("TERM"));
  }
}
