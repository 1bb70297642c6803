package org.refusal.subject;

import org.refusal.base.UserException;

/**
 * Which token of its partner stands for each token of a prompt (docs/attribution.md, paired baseline). Template tokens map one to
 * one; user token p of n maps to user token round(p (n' - 1) / (n - 1)) of the partner's n', halves up; a single user
 * token maps to the partner's first.
 */
public final class Alignment {
  private Alignment() {}

  /** @return for every token of the prompt the position in the partner, {@code [T]} */
  public static int[] of(PromptTokens prompt, PromptTokens partner) {
    if (prompt.before() != partner.before() || prompt.after() != partner.after()) {
      throw UserException.badData(
          "prompts %s and %s do not share a template: %d and %d tokens before the user's text, %d and %d after it"
              .formatted(
                  prompt.id(), partner.id(), prompt.before(), partner.before(), prompt.after(), partner.after()));
    }
    int n = prompt.userTokens();
    int partnerN = partner.userTokens();
    if (n > 0 && partnerN == 0) {
      throw UserException.badData("prompt %s has no user text to align with %s".formatted(partner.id(), prompt.id()));
    }
    int[] aligned = new int[prompt.length()];
    for (int t = 0; t < aligned.length; t++) {
      if (t < prompt.userFrom()) {
        aligned[t] = t;
      } else if (t < prompt.userTo()) {
        aligned[t] = partner.userFrom() + scaled(t - prompt.userFrom(), n, partnerN);
      } else {
        aligned[t] = partner.userTo() + (t - prompt.userTo());
      }
    }
    return aligned;
  }

  static int scaled(int p, int n, int partnerN) {
    return n == 1 ? 0 : Math.toIntExact((2L * p * (partnerN - 1) + (n - 1)) / (2L * (n - 1)));
  }
}
