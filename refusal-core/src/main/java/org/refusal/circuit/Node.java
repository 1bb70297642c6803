package org.refusal.circuit;

/** A vertex of a circuit: one SAE latent, or all that the SAE of a hook point leaves unexplained. */
public sealed interface Node permits LatentNode, ErrorNode {
  HookPoint at();
}
