/**
 * The original project: its results read and written in its own forms, and its circuits, evaluation and significance computed
 * anew as it did, for comparison. None of this is sound, and nothing sound uses it.
 *
 * <p>{@code {model}_{category}_legacy.json} ({@code evaluation.legacy}) holds {@code definition} ({@code legacy}), {@code remark},
 * {@code model}, {@code category}, {@code circuit} (file), {@code prompts} (their number), {@code prompts_are}, and the original
 * project's {@code F_M}, {@code F_C}, {@code F_M_minus_C}, {@code F_empty} (nats), {@code faithfulness} and {@code completeness}.
 * {@code stats.legacy} adds the object {@code legacy} to {@code {model}_stats.json}: {@code definition}, {@code remark}, and {@code
 * stats_by_category} under the original's field names.
 */
package org.refusal.original;
