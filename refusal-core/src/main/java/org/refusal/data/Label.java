package org.refusal.data;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** What the data set says of a prompt. Hard prompts are safe but sound harmful. */
public enum Label {
  SAFE,
  HARD,
  TOXIC;

  public boolean toxic() {
    return this == TOXIC;
  }

  /** {@code safe}, {@code hard}, {@code toxic}, as in files. */
  @JsonValue
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  @JsonCreator
  public static Label of(String text) {
    for (Label label : values()) {
      if (label.text().equals(text)) {
        return label;
      }
    }
    throw new IllegalArgumentException("no such label: " + text + " (safe, hard or toxic)");
  }
}
