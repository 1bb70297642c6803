package org.refusal.circuit;

import java.util.Locale;
import org.refusal.base.UserException;

/** What becomes of the SAE errors in the patched runs of a circuit (docs/evaluation.md). */
public enum ErrorMode {
  /** Error nodes are never replaced. */
  KEEP,
  /** Error nodes are nodes: replaced like latents, inside or outside the circuit. */
  CIRCUIT,
  /** The error is at its baseline in every run but that of the whole model. */
  ABLATE;

  /** As in {@code circuit.errors}. */
  public static ErrorMode of(String key) {
    for (ErrorMode mode : values()) {
      if (mode.key().equals(key)) {
        return mode;
      }
    }
    throw UserException.badConfig("errors is '" + key + "'; it must be keep, circuit or ablate");
  }

  /** Whether error nodes can be in a circuit: otherwise no patched run would tell a circuit with them from one without. */
  public boolean nodes() {
    return this == CIRCUIT;
  }

  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }
}
