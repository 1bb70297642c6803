package org.refusal.data;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** What a model did with a prompt, read off its own answer. */
public enum Behaviour {
  /** It declined. */
  REFUSAL,
  /** It declined and helped all the same, or helped with a part. */
  PARTIAL,
  /** It answered. */
  COMPLIANCE;

  /** Whether the prompt counts as refused: fully or partly. */
  public boolean refused() {
    return this != COMPLIANCE;
  }

  @JsonValue
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  @JsonCreator
  public static Behaviour of(String text) {
    return valueOf(text.toUpperCase(Locale.ROOT));
  }
}
