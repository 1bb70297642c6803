package org.refusal.report;

import java.util.List;

/** How the numbers were made, in a few sentences. */
public final class MethodsSection implements Section {
  @Override
  public String title() {
    return "Methods";
  }

  @Override
  public List<Source<?>> needs() {
    return List.of();
  }

  @Override
  public List<Source<?>> mayRead() {
    return List.of(Source.TRANSFER);
  }

  @Override
  public void write(Readings sources, ReportPage page) {
    page.text().paragraph(
        "Prompts are split once into discovery and held-out sets. On discovery prompts, latents of one top-k sparse"
            + " autoencoder per hook point (Gao et al. 2024) are attributed by their indirect effect on m, the log-odds of"
            + " beginning a refusal, against a matched safe prompt that the model answered (integrated gradients; Marks et"
            + " al. 2024, Hanna et al. 2024). The read-out of a hook point is what the later layers read there: the directions of"
            + " the categories' mean gradients that come back in other prompts of the category. "
            + taken(sources)
            + " The verdict is made from this transfer at the first layer at which the positions after the user's text carry the"
            + " decision; intervals resample prompts. Every term is defined in docs/definitions.md.");
    page.text().paragraph("Model: " + Markdown.escape(sources.model()) + ".");
  }

  /** How the effect form intervenes ({@code transfer.amount}). */
  private static String taken(Readings sources) {
    boolean own = sources.get(Source.TRANSFER).map(transfer -> transfer.amount().equals("own")).orElse(true);
    return own
        ? "From held-out prompts of every category as much as they have of their own evidence is taken along each"
            + " category's direction in it, and the drop of m is measured."
        : "On held-out prompts of every category the component along each category's direction in it is set to the"
            + " partner's, and the drop of m is measured (a common part of s comes out as s squared at most).";
  }
}
