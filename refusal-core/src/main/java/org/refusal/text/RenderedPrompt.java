package org.refusal.text;

import java.util.ArrayList;
import java.util.List;

/**
 * A prompt as the model reads it. Tokens {@code userFrom .. userTo - 1} hold the user's text: a token with any
 * character of it, even beside characters of the template, is the user's. The others are the template's, but for blanks
 * that are tokens only because of the text beside them ({@link ChatTemplate#prompt}).
 *
 * @param text rendered, before tokenization
 * @param ids {@code [tokens]}
 */
public record RenderedPrompt(String text, int[] ids, int userFrom, int userTo) {
  /** Group of a generated token; never that of a prompt token. */
  public static final int GENERATED_GROUP = -1;

  /** @param from the user's first character in the text, in UTF-16 units @param to one past the last */
  static RenderedPrompt of(String text, Tokenizer.Encoded tokens, int from, int to) {
    int n = tokens.ids().length;
    int first = n;
    int last = -1;
    int before = 0; // tokens that end before the user's text, for texts without any token
    for (int t = 0; t < n; t++) {
      int start = tokens.starts()[t];
      int end = tokens.ends()[t];
      if (start < to && end > from && start < end) {
        first = Math.min(first, t);
        last = t;
      }
      if (start >= 0 ? end <= from : before == t) {
        before = t + 1;
      }
    }
    return last < 0
        ? new RenderedPrompt(text, tokens.ids(), before, before)
        : new RenderedPrompt(text, tokens.ids(), first, last + 1);
  }

  /** The same prompt with at most so many template tokens on either side; those next to the text become the user's. */
  RenderedPrompt atMost(int before, int after) {
    return new RenderedPrompt(
        text, ids, Math.min(userFrom, before), Math.max(userTo, ids.length - after));
  }

  public int length() {
    return ids.length;
  }

  /**
   * Position group of every prompt token (docs/attribution.md): template tokens before the user's text are groups 0 to
   * userFrom - 1, the user's tokens are group userFrom, the post-instruction tokens follow, one group each. Prompts of
   * one template have the same number of tokens on either side, so that the groups are also those counted from the
   * right.
   */
  public int[] groups() {
    int[] groups = new int[ids.length];
    for (int t = 0; t < ids.length; t++) {
      groups[t] = t < userFrom ? t : t < userTo ? userFrom : userFrom + 1 + t - userTo;
    }
    return groups;
  }

  /** Number of groups of the template. */
  public int groupCount() {
    return userFrom + 1 + ids.length - userTo;
  }

  /**
   * Indices of the prompts that do not fit: prompt and new tokens together are more than the model's context. They are
   * to be reported; nothing here is ever cut.
   *
   * @param context longest sequence the model can read, in tokens
   */
  public static List<Integer> tooLong(List<RenderedPrompt> prompts, int context, int newTokens) {
    List<Integer> indices = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      if (prompts.get(i).length() + newTokens > context) {
        indices.add(i);
      }
    }
    return indices;
  }
}
