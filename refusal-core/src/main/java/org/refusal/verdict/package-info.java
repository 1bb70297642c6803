/**
 * From stored attributions and transfer to the answer: monolithic, modular, mixed, or inconclusive and why (docs/definitions.md).
 *
 * <p>{@link org.refusal.verdict.SharingEvidence} is what was measured, {@link org.refusal.verdict.SharingMeasures} the
 * statistics on it, {@link org.refusal.verdict.Verdict} the decision. All pure.
 *
 * <h2>Statistics file, version 1</h2>
 *
 * {@code {model}_stats.json} ({@link org.refusal.verdict.StatsFile}): {@code format} = {@code refusal-stats}, {@code
 * version}, {@code model}, {@code seed}, {@code permutations}, {@code bootstrap}, {@code definitions} (what each statistic
 * is), {@code verdict} with exactly {@code answer}, {@code reasons}, {@code clusters}, {@code decision_layer}, {@code
 * first_shared_layer}, {@code remark}, {@code profile}, {@code thresholds}, {@code tests} with every statistic, and, where
 * several autoencoder seeds were asked for, {@code by_sae_seed}: the verdict with each; {@code verdict} is then what they
 * have in common. Intervals are {@code {low, high, level}}; what is undefined is the string {@code "NaN"}.
 *
 * <p>Degenerate inputs have defined outcomes, INCONCLUSIVE each with its reason: no refusals, one category, a category
 * without prompts, zero vectors, values that are not finite, a refusal gap that is not positive. Two categories make one
 * pair and can be decided. Identical vectors everywhere make intervals of zero width.
 */
package org.refusal.verdict;
