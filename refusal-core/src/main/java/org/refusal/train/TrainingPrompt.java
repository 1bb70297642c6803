package org.refusal.train;

import org.refusal.activation.StoredPrompt;

/** A prompt in the store with the side it is drawn from. */
public record TrainingPrompt(StoredPrompt stored, boolean toxic) {}
