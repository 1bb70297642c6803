package org.refusal.config;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
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
    return named(key).orElseThrow(() -> UserException.badConfig(
        "transfer.forms: '" + key + "' is none of effect, latent, direction, difference_of_means"));
  }

  /** The form of that key; empty where there is none. */
  public static Optional<TransferForm> named(String key) {
    return Arrays.stream(values()).filter(form -> form.key().equals(key)).findFirst();
  }

  /** As in files and config: {@code difference_of_means}. */
  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }
}
