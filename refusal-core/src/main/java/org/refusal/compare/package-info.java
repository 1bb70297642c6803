/**
 * How alike two circuits are (docs/stages.md): overlap and rank measures on circuits, similarity in decoder space, the earlier
 * project's formula, matrices over categories; and how alike the prompts behind them are by their effect vectors ({@link
 * org.refusal.compare.EffectSimilarity}). The disattenuated cosine, which decides, is {@link
 * org.refusal.stats.DisattenuatedSimilarity}: it needs the per-prompt vectors, not the circuits.
 *
 * <p>{@code {model}_similarity.json} (format {@code refusal-similarity}, version 1) is an object with {@code format}, {@code
 * version}, {@code model}, {@code nothing} (why there is nothing to compare, or null), {@code effect_vectors} ({@code
 * prompt_side} or null), {@code equalized_to} (nodes to which circuits were cut before the legacy similarity, or -1), {@code
 * hook_points}, {@code definitions} by measure, and {@code groups} by {@code toxic_toxic}, {@code safe_safe}, {@code
 * safe_toxic} and {@code both}. A group holds {@code rows}, {@code columns}, {@code symmetric}, {@code nodes}, {@code
 * measures} (by measure, then by hook point or {@code pooled}: {@code [rows][columns]}), {@code means} over pairs of
 * different categories and over equal ones, and {@code tree} (measure, leaf order, merges) or null. What is undefined is
 * the text {@code "NaN"}.
 */
package org.refusal.compare;
