package org.refusal.data;

import java.util.Objects;

/**
 * A prompt as it stands in its file.
 *
 * @param text exactly as in the file, blanks included
 * @param file name of its file, without the folder
 * @param record number in that file, from 1, the header not counted
 */
public record Prompt(String text, Category category, Label label, String file, int record) {
  public Prompt {
    Objects.requireNonNull(text, "text");
    Objects.requireNonNull(category, "category");
    Objects.requireNonNull(label, "label");
    Objects.requireNonNull(file, "file");
  }

  /** {@code or-bench-toxic.csv:17}: how messages and outputs name the prompt. */
  public String source() {
    return file + ":" + record;
  }
}
