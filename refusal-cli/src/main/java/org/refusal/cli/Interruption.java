package org.refusal.cli;

import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import sun.misc.Signal;

/** Signals that ask a run to stop soon: Ctrl-C, and what Slurm sends before the time limit. */
final class Interruption {
  private static final AtomicBoolean ASKED = new AtomicBoolean();
  private static boolean listening;

  private Interruption() {}

  /** The flag that is set by INT, TERM and USR1; a second INT ends the process at once. */
  static synchronized AtomicBoolean listen() {
    if (!listening) {
      listening = true;
      for (String name : List.of("INT", "TERM", "USR1")) {
        try {
          Signal.handle(new Signal(name), signal -> {
            if (ASKED.getAndSet(true) && signal.getName().equals("INT")) {
              Runtime.getRuntime().halt(org.refusal.base.ExitCode.INTERRUPTED.code());
            }
          });
        } catch (IllegalArgumentException unknownHere) {
          // Windows has no USR1, and the JVM keeps USR1 to itself under some flags: the other signals still work.
          org.slf4j.LoggerFactory.getLogger(Interruption.class).debug("no signal {}: {}", name, unknownHere.toString());
        }
      }
    }
    return ASKED;
  }
}
