package org.refusal.evaluation;

import java.util.List;
import java.util.Locale;

/**
 * A category's part at one hook point in one form, with what it is compared with.
 *
 * @param amount how much is taken from the prompts of another category
 * @param replacement what is set to the partner's values; null where there is nothing (no driving latent, zero vector)
 * @param size latents of the latent form, dimensions of the others
 * @param controls random parts of equal size
 * @param resamples the part from resamples of the discovery prompts; may be empty
 */
public record TransferPart(
    Amount amount, Replacement replacement, int size, List<Replacement> controls, List<Replacement> resamples) {
  /** How much a part takes from a prompt. */
  public enum Amount {
    /** What the prompt differs by from its partner along this part: it is set to the partner's value. */
    PARTNER,
    /** What the prompt differs by along its own category's part; parts of one direction only. */
    OWN;

    /** As in {@code transfer.amount}. */
    public static Amount of(String key) {
      return valueOf(key.toUpperCase(Locale.ROOT));
    }
  }

  public TransferPart {
    controls = List.copyOf(controls);
    resamples = List.copyOf(resamples);
  }

  /** What is replaced in prompts of the category whose part is {@code own}; null for nothing. */
  public Replacement on(TransferPart own) {
    return taking(replacement, own.replacement);
  }

  /** The same with both parts from one resample of the discovery prompts. */
  public Replacement on(TransferPart own, int resample) {
    return taking(at(resamples, resample), at(own.resamples, resample));
  }

  /** A random part of equal size on this category's own prompts. */
  public Replacement control(int number) {
    return taking(at(controls, number), replacement);
  }

  private Replacement taking(Replacement taken, Replacement own) {
    if (amount == Amount.PARTNER || taken == null) {
      return taken;
    }
    return own == null
        ? null
        : new Replacement.Span(((Replacement.Span) taken).basis(), ((Replacement.Span) own).basis());
  }

  private static Replacement at(List<Replacement> list, int i) {
    return i < list.size() ? list.get(i) : null;
  }
}
