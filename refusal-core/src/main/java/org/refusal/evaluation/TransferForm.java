package org.refusal.evaluation;

import java.util.Locale;
import org.refusal.base.UserException;

/** In which form a category's part in refusal is taken away (docs/evaluation.md). */
public enum TransferForm {
  /** Along the category's effect direction, a mean over what the model reads; uses no SAE. */
  EFFECT,
  /** The latents that drive refusal. */
  LATENT,
  /** The span of their decoder rows. */
  DIRECTION,
  /** The component along the difference of means between refused harmful and answered safe prompts. */
  DIFFERENCE_OF_MEANS;

  /** As in {@code transfer.forms}. */
  public static TransferForm of(String key) {
    for (TransferForm form : values()) {
      if (form.key().equals(key)) {
        return form;
      }
    }
    throw UserException.badConfig(
        "transfer.forms: '" + key + "' is none of effect, latent, direction, difference_of_means");
  }

  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }
}
