package org.refusal.evaluation;

import java.util.List;

/**
 * A category's part at one hook point in one form, with what it is compared with.
 *
 * @param replacement what is set to the partner's values; null where there is nothing (no driving latent, zero vector)
 * @param size latents of the latent form, dimensions of the others
 * @param controls random parts of equal size
 * @param resamples the part from resamples of the discovery prompts; may be empty
 */
public record TransferPart(
    Replacement replacement, int size, List<Replacement> controls, List<Replacement> resamples) {
  public TransferPart {
    controls = List.copyOf(controls);
    resamples = List.copyOf(resamples);
  }
}
