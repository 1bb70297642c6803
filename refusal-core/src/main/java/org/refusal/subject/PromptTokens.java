package org.refusal.subject;

import java.util.Arrays;
import java.util.Objects;
import org.refusal.base.UserException;

/**
 * A prompt as the model reads it. Tokens {@code userFrom .. userTo - 1} are the user's text, those before and after it
 * belong to the template.
 *
 * @param index number of the prompt within its category, as in the outputs and activation files
 * @param harmful whether the prompt counts as toxic, by the label source in use
 * @param refused whether the model refused it
 * @param text what prompts of equal text have in common ({@link org.refusal.data.EqualTexts#key}), or their tokens where
 *     only these are known
 */
public record PromptTokens(
    String category, long index, boolean harmful, boolean refused, int[] ids, int userFrom, int userTo, String text) {

  public PromptTokens {
    Objects.requireNonNull(category, "category");
    Objects.requireNonNull(text, "text");
    if (userFrom < 0 || userTo < userFrom || userTo > ids.length) {
      throw UserException.badData(
          "prompt %s/%d: user tokens %d to %d do not lie within its %d tokens"
              .formatted(category, index, userFrom, userTo, ids.length));
    }
  }

  /** A prompt of which only the tokens are known: equal texts are equal tokens. */
  public PromptTokens(
      String category, long index, boolean harmful, boolean refused, int[] ids, int userFrom, int userTo) {
    this(category, index, harmful, refused, ids, userFrom, userTo, Arrays.toString(ids));
  }

  /** How messages and random streams name the prompt: {@code privacy/17}. */
  public String id() {
    return category + "/" + index;
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
        && category.equals(that.category)
        && index == that.index
        && harmful == that.harmful
        && refused == that.refused
        && userFrom == that.userFrom
        && userTo == that.userTo
        && Arrays.equals(ids, that.ids)
        && text.equals(that.text);
  }

  @Override
  public int hashCode() {
    return Objects.hash(category, index);
  }

  @Override
  public String toString() {
    return id();
  }
}
