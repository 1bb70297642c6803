/**
 * Activations on disk: written by collect, read by whoever needs them.
 *
 * <h2>Activation files, version 1</h2>
 *
 * One category is one file {@code {model}_{category}_activations.safetensors}, or several shards
 * {@code ..._activations-00001-of-00008.safetensors}. A shard holds whole prompts; the shards of a category in the order
 * of their numbers hold its prompts in dataset order. Tensors of a shard with {@code n} prompts and {@code t} kept tokens:
 *
 * <table>
 * <caption>Tensors</caption>
 * <tr><th>name</th><th>type</th><th>shape</th><th>content</th></tr>
 * <tr><td>hook point, e.g. {@code residuals_2}</td><td>F32, F16, BF16 or F64</td><td>[t, d_model]</td>
 *     <td>activations, in the type the model computes in; one tensor per hook point</td></tr>
 * <tr><td>{@code offsets}</td><td>I64</td><td>[n + 1]</td>
 *     <td>rows {@code offsets[p] .. offsets[p + 1] - 1} belong to the p-th prompt of the shard</td></tr>
 * <tr><td>{@code prompt_index}</td><td>I64</td><td>[n]</td><td>the prompt's index in the outputs file</td></tr>
 * <tr><td>{@code token_ids}</td><td>I32</td><td>[t]</td><td>token id at the row</td></tr>
 * <tr><td>{@code position}</td><td>I32</td><td>[t]</td><td>position of the token, 0-based from the prompt's first token;
 *     generated tokens go on counting</td></tr>
 * <tr><td>{@code position_group}</td><td>I32</td><td>[t]</td><td>group of the position (docs/attribution.md), -1 for generated
 *     tokens</td></tr>
 * </table>
 *
 * Metadata (all strings): {@code format} = {@code refusal-activations}, {@code version} = {@code 1}, {@code d_model},
 * {@code shard} (from 1), and what the writer was given, e.g. {@code model}, {@code category}, {@code dataset_sha256}.
 *
 * <h2>Files in the work folder</h2>
 *
 * While a category is collected, its whole shards lie in the work folder as {@code {stem}.shard-00001.safetensors}. Beside
 * each, and written before it, {@code {stem}.outputs-00001.safetensors} holds what the model answered:
 * {@code prompt_index} I64 [n], {@code logits} F32 [n, vocab] at the last prompt position, {@code generated_offsets} I64
 * [n + 1] and {@code generated_ids} I32. {@code {stem}.finished.json} ({@code shards}, {@code missing}, {@code digests} of the shards) is written when
 * the last shard is whole; only then are the shards renamed to their final names. Every file is there whole or not at
 * all, and where a shard ends depends on the prompts alone, so that a run killed anywhere and started again ends in the
 * same bytes.
 */
package org.refusal.activation;
