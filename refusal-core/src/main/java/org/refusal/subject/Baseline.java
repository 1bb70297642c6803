package org.refusal.subject;

import java.util.Collection;
import java.util.List;
import org.refusal.circuit.HookPoint;

/** What nodes and activations are set to (docs/attribution.md): {@link PairedBaseline}, {@link MeanBaseline}, {@link ZeroBaseline}. */
public sealed interface Baseline permits PairedBaseline, MeanBaseline, ZeroBaseline {

  /** As in the config: paired, mean or zero. */
  String name();

  /**
   * The baseline of every token of the prompts at the hook points. Costs at most one forward pass over the partners, up
   * to the last of the hook points. The caller closes it.
   */
  BatchBaseline align(List<PromptTokens> prompts, Collection<HookPoint> points);
}
