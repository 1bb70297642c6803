package org.refusal.circuit;

/** One latent of the SAE at a hook point. */
public record LatentNode(HookPoint at, int latent) implements Node {}
