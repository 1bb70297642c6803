package org.refusal.subject;

import java.util.Arrays;
import java.util.Objects;
import org.refusal.base.UserException;
import org.refusal.data.EqualTexts;
import org.refusal.data.ModelOutput;
import org.refusal.data.PromptKey;

/**
 * A prompt as the model reads it. Tokens {@code userFrom .. userTo - 1} are the user's text, those before and after it
 * belong to the template.
 *
 * @param harmful whether the prompt counts as toxic, by the label source in use
 * @param refused whether the model refused it
 * @param text what prompts of equal text have in common ({@link EqualTexts#key}), or their tokens where
 *     only these are known
 */
public record PromptTokens(
    PromptKey key, boolean harmful, boolean refused, int[] ids, int userFrom, int userTo, String text) {

  public PromptTokens {
    Objects.requireNonNull(key, "key");
    Objects.requireNonNull(text, "text");
    if (userFrom < 0 || userTo < userFrom || userTo > ids.length) {
      throw UserException.badData(
          "prompt %s: user tokens %d to %d do not lie within its %d tokens"
              .formatted(key, userFrom, userTo, ids.length));
    }
  }

  /** A prompt of which only the tokens are known: equal texts are equal tokens. */
  public PromptTokens(PromptKey key, boolean harmful, boolean refused, int[] ids, int userFrom, int userTo) {
    this(key, harmful, refused, ids, userFrom, userTo, Arrays.toString(ids));
  }

  /** @param byBehaviour whether refused prompts count as harmful instead of those labelled toxic */
  public static PromptTokens of(String category, ModelOutput output, boolean byBehaviour) {
    boolean refused = output.behaviour().refused();
    return new PromptTokens(
        output.key(category),
        byBehaviour ? refused : output.label().toxic(),
        refused,
        output.promptIds(),
        output.userFrom(),
        output.userTo(),
        EqualTexts.key(output.prompt()));
  }

  /** How messages and random streams name the prompt: {@code privacy/17}. */
  public String id() {
    return key.toString();
  }

  public String category() {
    return key.category();
  }

  public int length() {
    return ids.length;
  }

  public int userTokens() {
    return userTo - userFrom;
  }

  /** Template tokens before the user's text. */
  public int before() {
    return userFrom;
  }

  /** Template tokens after the user's text: the post-instruction tokens. */
  public int after() {
    return ids.length - userTo;
  }

  /**
   * The group of every token (docs/attribution.md): the template tokens before the user's text are groups 0, 1, ... from the left,
   * the user's text is one group, the post-instruction tokens are groups of their own, one by one. Two prompts of one
   * template have the same groups.
   */
  public int[] positionGroups() {
    int[] groups = new int[ids.length];
    for (int t = 0; t < ids.length; t++) {
      groups[t] = t < userFrom ? t : t < userTo ? userFrom : userFrom + 1 + (t - userTo);
    }
    return groups;
  }

  /** Number of position groups of the template. */
  public int groupCount() {
    return before() + 1 + after();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PromptTokens that
        && key.equals(that.key)
        && harmful == that.harmful
        && refused == that.refused
        && userFrom == that.userFrom
        && userTo == that.userTo
        && Arrays.equals(ids, that.ids)
        && text.equals(that.text);
  }

  @Override
  public int hashCode() {
    return key.hashCode();
  }

  @Override
  public String toString() {
    return id();
  }
}
