package org.refusal.circuit;

/** The SAE error at a hook point: activation less reconstruction. */
public record ErrorNode(HookPoint at) implements Node {}
