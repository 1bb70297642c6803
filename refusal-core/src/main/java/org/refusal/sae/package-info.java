/**
 * Sparse autoencoders: the map between activations and latents, how well it does, its files. What differs between kinds is an
 * {@link org.refusal.sae.Architecture}; {@link org.refusal.sae.Architectures} lists them. Training is in {@link
 * org.refusal.train}.
 *
 * <h2>Checkpoint folder</h2>
 *
 * The layout of SAELens 6, one folder per hook point, {@code saes/{model}/{hook}/}:
 *
 * <ul>
 *   <li>{@code sae_weights.safetensors}: F32 {@code W_enc [d_in, d_sae]}, {@code b_enc [d_sae]},
 *       {@code W_dec [d_sae, d_in]}, {@code b_dec [d_in]}. The input scale of training is folded in, so that the weights
 *       apply to activations as the model has them. jumprelu also has {@code threshold [d_sae]}; gated has {@code b_gate} for
 *       b_enc, {@code b_mag} and {@code r_mag}, all {@code [d_sae]}.
 *   <li>{@code cfg.json}: {@code architecture} ({@code topk}, {@code jumprelu}, {@code standard}, {@code gated}), {@code d_in},
 *       {@code d_sae}, {@code k} (topk), {@code dtype "float32"},
 *       {@code device}, {@code apply_b_dec_to_input true}, {@code normalize_activations "none"},
 *       {@code reshape_activations "none"}, {@code rescale_acts_by_decoder_norm false}, {@code metadata} with
 *       {@code model_name}, {@code hook_name} ({@code blocks.2.hook_resid_post}), {@code prepend_bos},
 *       {@code sae_lens_version} and, for a jumprelu that is a batchtopk, {@code architecture "batchtopk"}.
 *   <li>{@code training_history.json}: what training saw on the way and reached in the end.
 * </ul>
 */
package org.refusal.sae;
