package org.refusal.text;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** What a model did with a request. */
public enum Behaviour {
  REFUSAL,
  /** Refuses or warns, and helps all the same. */
  PARTIAL,
  COMPLIANCE;

  /** Whether it counts as refused: fully or partly. */
  public boolean refused() {
    return this != COMPLIANCE;
  }

  /** {@code refusal}, {@code partial}, {@code compliance}, as in files. */
  @JsonValue
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  @JsonCreator
  public static Behaviour of(String text) {
    return valueOf(text.toUpperCase(Locale.ROOT));
  }
}
