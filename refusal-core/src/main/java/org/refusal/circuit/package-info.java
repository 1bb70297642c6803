/**
 * What a sparse feature circuit is: hook points, nodes, edges, and its file. Pure values, no tensors.
 *
 * <h2>Circuit files, version 1</h2>
 *
 * {@code {model}_{category}[_safe|_toxic]_circuit.json} is an object with
 *
 * <ul>
 *   <li>{@code nodes}: object, one field per node in rank order within each hook point, hook points in forward order. Each
 *       has {@code feature_id} (text: the latent's number, {@code "error"} for an error node), {@code layer}, {@code
 *       position} (always 0: a node covers all positions), {@code importance}, {@code type} ({@code sae_feature} or {@code
 *       sae_error}), {@code hook_point} ({@code residuals_2}) and {@code effect} (mean indirect effect with its sign; absent
 *       where importance is a legacy score).
 *   <li>{@code edges}: object keyed {@code {source}_{target}}, each with {@code source}, {@code target}, {@code importance}
 *       and {@code weight} (the same with its sign).
 *   <li>{@code metadata}: object, what made the file; {@code format} = {@code refusal-circuit} and {@code version} = 1 are
 *       always there.
 * </ul>
 *
 * Node ids are {@code sae_feature_{layer}_{position}_{feature}} at {@code residuals_{layer}}, the form that earlier tools
 * know, and {@code sae_error_{layer}_{position}} for its error node. At other hook points the site stands before the layer:
 * {@code sae_feature_mlp_3_0_17}, {@code sae_error_attention_3_0}. Ids hold {@code _} themselves, so that an edge's key
 * cannot be split: use {@code source} and {@code target}.
 *
 * <p>Files of the earlier project load too: {@code hook_point}, {@code effect}, {@code weight} and {@code metadata} are
 * optional; without {@code hook_point} a node lies at {@code residuals_{layer}}.
 */
package org.refusal.circuit;
