/**
 * Statistics on plain arrays: permutation tests, bootstrap intervals, reliability and disattenuated similarity,
 * multiple testing, rank measures, clustering. No domain types.
 *
 * <p>The unit that is resampled is the prompt. Everything about attribution vectors is computed from their
 * {@link org.refusal.stats.GramMatrix}, so that the width of the vectors matters once. Every random draw has a stream of
 * its own, derived from a seed and the draw's number ({@link org.refusal.stats.Resampling}); results are therefore the
 * same for any number of threads. Sums run in float64 in a fixed order.
 *
 * <p>What is undefined (no pairs, zero variance, a reliability that is not positive) is {@code NaN}, never zero.
 */
package org.refusal.stats;
