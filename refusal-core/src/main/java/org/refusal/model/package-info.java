/**
 * Decoders as plain tensor code with hooks between the blocks: one forward pass for all families ({@link
 * org.refusal.model.Families}), each of which says how its config.json is read, its tensors are named and its blocks differ.
 */
package org.refusal.model;
