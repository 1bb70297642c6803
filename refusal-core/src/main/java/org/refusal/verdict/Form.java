package org.refusal.verdict;

import java.util.Locale;

/** In which form a category's part in refusal was taken away (docs/evaluation.md). */
public enum Form {
  EFFECT,
  LATENT,
  DIRECTION,
  DIFFERENCE_OF_MEANS;

  /** As in files and config: {@code difference_of_means}. */
  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  public static Form of(String key) {
    for (Form form : values()) {
      if (form.key().equals(key)) {
        return form;
      }
    }
    throw new IllegalArgumentException("'" + key + "' names no transfer form");
  }
}
