package org.refusal.sae;

/**
 * What an autoencoder was trained on.
 *
 * @param hookName in the form of TransformerLens and SAELens: {@code blocks.2.hook_resid_post}
 * @param prependBos whether the prompts began with the BOS token
 */
public record SaeSource(String modelName, String hookName, boolean prependBos) {}
