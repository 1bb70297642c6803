package org.refusal.activation;

/** A prompt that could not be run and is recorded as missing. */
public record MissingPrompt(long promptIndex, String reason) {}
