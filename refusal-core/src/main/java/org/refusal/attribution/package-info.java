/**
 * Which latents cause refusal (docs/attribution.md): indirect effects of SAE latents and error nodes by attribution patching,
 * integrated gradients or exact patching, causal edges, the causal read-out (docs/evaluation.md, effect form), and the circuits
 * made of them.
 *
 * <h2>Attribution files, version 2</h2>
 *
 * {@code {model}_{category}.safetensors} holds what every attributed prompt of a category contributes; statistics
 * resample its rows. With {@code n} prompts and, per hook point, {@code z} stored entries:
 *
 * <table>
 * <caption>Tensors</caption>
 * <tr><th>name</th><th>type</th><th>shape</th><th>content</th></tr>
 * <tr><td>{@code prompt_index}</td><td>I64</td><td>[n]</td><td>index of the prompt in the category's outputs file</td></tr>
 * <tr><td>{@code harmful}</td><td>I32</td><td>[n]</td><td>1 if the prompt counts as toxic by the label source, else 0</td></tr>
 * <tr><td>{@code refused}</td><td>I32</td><td>[n]</td><td>1 if the model refused it, else 0</td></tr>
 * <tr><td>{@code tokens}</td><td>I32</td><td>[n]</td><td>length of the prompt in tokens</td></tr>
 * <tr><td>{@code metric}</td><td>F64</td><td>[n]</td><td>m of the prompt as it is</td></tr>
 * <tr><td>{@code partner_metric}</td><td>F64</td><td>[n]</td><td>m of its partner (docs/attribution.md), whatever the baseline; NaN
 *     where there are no partners</td></tr>
 * <tr><td>{@code {hook}.indptr}</td><td>I64</td><td>[n + 1]</td><td>entries {@code indptr[p] .. indptr[p + 1] - 1} are
 *     those of prompt p (compressed sparse rows)</td></tr>
 * <tr><td>{@code {hook}.indices}</td><td>I32</td><td>[z]</td><td>latents active in the prompt or in its baseline,
 *     ascending within a prompt; all others have effect 0</td></tr>
 * <tr><td>{@code {hook}.values}</td><td>F32</td><td>[z]</td><td>indirect effect: change of m when the latent is set to
 *     its baseline</td></tr>
 * <tr><td>{@code {hook}.prompt_side}</td><td>F32</td><td>[z]</td><td>the part of it from tokens at which the latent is
 *     above its baseline</td></tr>
 * <tr><td>{@code {hook}.error}</td><td>F32</td><td>[n]</td><td>indirect effect of the SAE error node</td></tr>
 * <tr><td>{@code {hook}.effect}</td><td>F32</td><td>[n, d_model]</td><td>v_p = sum over t of (||g_t|| / sum ||g||) (x_t -
 *     x'_t), g the gradient averaged over the straight path from x to x'; y_p of docs/evaluation.md is B Bᵀ v_p</td></tr>
 * <tr><td>{@code {hook}.gradient}</td><td>F32</td><td>[n, d_model]</td><td>sum over t of (||g_t|| / sum ||g||) g_t, nats
 *     per unit of activation</td></tr>
 * <tr><td>{@code {hook}.baseline_metric}</td><td>F64</td><td>[n]</td><td>m with every token set to x' there</td></tr>
 * <tr><td>{@code {hook}.sinks}</td><td>I32</td><td>[n]</td><td>tokens left alone as attention sinks</td></tr>
 * </table>
 *
 * With {@code attribution_method: exact} the two sides of an effect cannot be told apart and {@code prompt_side} is
 * absent. Metadata: {@code format} = {@code refusal-attributions}, {@code version}, {@code model}, {@code category},
 * {@code estimator}, {@code baseline}, {@code partners} ({@code matched} or {@code pool}: where partners come from, if
 * there are any), {@code hook_points} (comma-separated, forward order), {@code {hook}.d_sae}.
 *
 * <h2>Read-out file, version 2</h2>
 *
 * {@code {model}_readout.safetensors}: per hook point {@code {hook}.basis} F32 [r, d_model], orthonormal rows of the
 * reproducible read-out (see {@link org.refusal.stats.ReproducibleReadout}), strongest first, directions added for single
 * categories last; {@code {hook}.distinct} I64 [1], how many stand out of the noise; {@code {hook}.spectrum} F64 [k];
 * {@code {hook}.floor} F64 [1]; {@code {hook}.held} F64 [categories]. Beside it the pooled read-out: {@code
 * {hook}.pooled_basis} F32 [r', d_model], leading eigenvectors of the second moment of the path-averaged gradients over the
 * toxic discovery prompts, and {@code {hook}.pooled_energy} F64 [r'], the share of the mean moment's energy along each,
 * categories scaled to equal energy. Metadata: {@code format} = {@code refusal-readout}, {@code version}, {@code model},
 * {@code hook_points}, {@code categories} (JSON array, the order of {@code held}).
 */
package org.refusal.attribution;
