/**
 * What a node or an activation is set to when it is removed (docs/attribution.md): partners, position groups, group means, zero,
 * aligned to the tokens of each prompt; and which tokens are attention sinks and left alone (docs/definitions.md). Shared by
 * attribution and evaluation.
 */
package org.refusal.subject;
