package org.refusal.text;

import java.util.Locale;
import java.util.stream.IntStream;
import org.refusal.base.UserException;

/** Which token positions of a prompt and its answer are kept: {@code inference.positions} (docs/definitions.md). */
public enum Positions {
  /** Every prompt token. */
  PROMPT,
  /** The last prompt token, from which the answer starts. */
  LAST_PROMPT,
  /** The template tokens after the user's text. */
  POST_INSTRUCTION,
  /** Every generated token that the model has read. */
  GENERATED,
  /** The last of them (legacy). */
  LAST_GENERATED;

  /** @param text as in the config, e.g. {@code last_prompt} */
  public static Positions of(String text) {
    for (Positions positions : values()) {
      if (positions.text().equals(text)) {
        return positions;
      }
    }
    throw UserException.badConfig(
        "inference.positions must be prompt, last_prompt, post_instruction, generated or last_generated, not " + text);
  }

  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether tokens of the answer are kept, so that it must be generated first. */
  public boolean generated() {
    return this == GENERATED || this == LAST_GENERATED;
  }

  /**
   * Positions in prompt and answer together, ascending: 0 is the first prompt token, {@code prompt.length()} the first
   * generated one.
   *
   * @param generatedTokens tokens of the answer that have activations
   * @throws UserException there is no such position: no template tokens after the text, or nothing generated
   */
  public int[] select(RenderedPrompt prompt, int generatedTokens) {
    int length = prompt.length();
    int[] selected =
        switch (this) {
          case PROMPT -> IntStream.range(0, length).toArray();
          case LAST_PROMPT -> IntStream.range(Math.max(0, length - 1), length).toArray();
          case POST_INSTRUCTION -> IntStream.range(prompt.userTo(), length).toArray();
          case GENERATED -> IntStream.range(length, length + generatedTokens).toArray();
          case LAST_GENERATED ->
              IntStream.range(length + Math.max(0, generatedTokens - 1), length + generatedTokens).toArray();
        };
    if (selected.length == 0) {
      throw switch (this) {
        case POST_INSTRUCTION -> UserException.badConfig(
            "inference.positions is post_instruction, but the chat template writes nothing after the user's text",
            "use last_prompt, or another inference.chat_template");
        case GENERATED, LAST_GENERATED -> UserException.badData(
            "inference.positions is %s, but no token was generated".formatted(text()));
        default -> UserException.badData("a prompt has no tokens");
      };
    }
    return selected;
  }
}
