/**
 * How alike two circuits are (docs/stages.md): overlap and rank measures on circuits, similarity in decoder space, the earlier
 * project's formula, matrices over categories, and the topic distance that they are compared with.
 *
 * <p>The disattenuated cosine, which decides, is {@link org.refusal.stats.DisattenuatedSimilarity}: it needs the
 * per-prompt vectors, not the circuits.
 */
package org.refusal.compare;
