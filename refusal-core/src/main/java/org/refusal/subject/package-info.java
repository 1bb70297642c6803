/**
 * The model under study: the model with its autoencoders and the prompts that were run, and what a node or an activation is set
 * to when it is removed (docs/attribution.md): partners, position groups, group means, zero, aligned to the tokens of each
 * prompt; and which tokens are attention sinks and left alone (docs/definitions.md). Shared by discover and evaluate.
 */
package org.refusal.subject;
