/**
 * The stages of the pipeline: what each answers, reads and writes. {@code docs/stages.md} describes them one by one.
 *
 * <p>File formats of this package: {@code {model}_collect.json} is {@link org.refusal.collected.CollectReport}; {@code
 * {model}_similarity.json} (format {@code refusal-similarity}, version 1) is an object with {@code format}, {@code version},
 * {@code model}, {@code nothing} (why there is nothing to compare, or null), {@code effect_vectors} ({@code prompt_side} or
 * null), {@code equalized_to} (nodes to which circuits were cut before the legacy similarity, or -1), {@code
 * hook_points}, {@code definitions} by measure, and {@code groups} by {@code toxic_toxic}, {@code safe_safe}, {@code
 * safe_toxic} and {@code both}. A group holds {@code rows}, {@code columns}, {@code symmetric}, {@code nodes}, {@code
 * measures} (by measure, then by hook point or {@code pooled}: {@code [rows][columns]}), {@code means} over pairs of
 * different categories and over equal ones, and {@code tree} (measure, leaf order, merges) or null. What is undefined is
 * the text {@code "NaN"}. {@code {model}_content_free.json} is a list with {@code prompt_index} (in the shipped list), {@code
 * prompt}, {@code completion}, {@code refused}, {@code behaviour} and {@code reason}. {@code {model}_{category}_legacy.json} ({@code evaluation.legacy}) holds {@code definition}
 * ({@code legacy}), {@code remark}, {@code model}, {@code category}, {@code circuit} (file), {@code prompts} (their number),
 * {@code prompts_are}, and the original project's {@code F_M}, {@code F_C}, {@code F_M_minus_C}, {@code F_empty} (nats), {@code
 * faithfulness} and {@code completeness}. {@code stats.legacy} adds the object {@code legacy} to {@code {model}_stats.json}:
 * {@code definition}, {@code remark}, and {@code stats_by_category} under the original's field names.
 */
package org.refusal.stage;
