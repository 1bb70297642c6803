package org.refusal.activation;

import org.refusal.data.PromptKey;

/** A prompt that could not be run and is recorded as missing. */
public record MissingPrompt(PromptKey key, String reason) {}
