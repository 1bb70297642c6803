/**
 * Causal evaluation on held-out prompts (docs/evaluation.md and docs/definitions.md): the model is run with parts of its activations replaced by
 * those of a baseline, and the metric m (log-odds of refusing, nats) is read off. {@link
 * org.refusal.evaluation.Intervention} says what is replaced, {@link org.refusal.evaluation.PatchedRuns} runs it;
 * {@link org.refusal.evaluation.FaithfulnessCurve} scores circuits, {@link org.refusal.evaluation.TransferMatrix} asks
 * whether what carries refusal in one category carries it in another, {@link
 * org.refusal.evaluation.BehaviourTransfer} the same of the text that is written, {@link
 * org.refusal.evaluation.DecisionProfile} where refusal is decided, {@link org.refusal.evaluation.LayerScan} the same at every
 * layer on a few prompts.
 *
 * <p>In the first two files an interval is an object with {@code value}, {@code low}, {@code high} (95 %, percentile bootstrap
 * over prompts) and {@code resamples} (those at which the statistic was finite). Numbers that are not finite stand as
 * {@code "NaN"}, {@code "Infinity"}, {@code "-Infinity"}. Per-prompt arrays follow {@code prompt_index} of the
 * category's gap, which is that of the outputs file. A gap object holds {@code prompt_index}, {@code metric} and
 * {@code partner_metric} of every held-out refused prompt, nats; Delta is the difference of the two means.
 *
 * <h2>{@code {model}_transfer.json}, version 3</h2>
 *
 * <ul>
 *   <li>{@code format} ({@code refusal-transfer}), {@code version}, {@code model}, {@code categories} (the order of all
 *       rows and columns), {@code seed}, {@code bootstrap} (resamples), {@code unit}, {@code effect} and {@code amount} (as
 *       {@code transfer.effect} and {@code transfer.amount}); {@code gaps} by category.
 *   <li>{@code hook_points}: by YAML name in forward order, each with
 *       <ul>
 *         <li>{@code decision}: {@code drops} and {@code drops_everywhere} {@code [category][prompt]} in nats (all
 *             post-instruction positions, all positions set to the partner's), {@code by_category} (decided, Delta),
 *             {@code decided} and {@code everywhere} (intervals of the mean over categories, Delta);
 *         <li>{@code readout_rank}: dimensions of the causal read-out, -1 where there is none;
 *         <li>{@code forms}: by {@code effect}, {@code latent}, {@code direction}, {@code difference_of_means}:
 *             {@code sizes} of the parts, {@code drops} {@code [i][j][prompt]} in nats (part of category i on prompts of
 *             category j), {@code controls} {@code [control][i][prompt]} (random parts of equal size on i's own
 *             prompts), {@code resamples} {@code [resample][i][j][prompt]} (effect directions of resampled discovery
 *             prompts; empty for other forms), {@code drop} {@code [i][j]} in Delta_j, intervals {@code own_drop},
 *             {@code control_drop}, {@code D} (for the effect form they resample discovery prompts too), and
 *             {@code weak}: why D means nothing, or null;
 *         <li>{@code behaviour}: the same forms by generated text, or null: {@code refused} {@code [i][j][prompt]} and
 *             {@code controls} {@code [control][i][prompt]} (true: still refused), {@code rate} {@code [i][j]},
 *             {@code own}, {@code other}, {@code control} (shares refused), {@code drop} {@code [i][j]} (share of the
 *             refusals without intervention that go away), {@code own_drop}, {@code control_drop}, {@code D},
 *             {@code weak}. A share is an object with {@code value}, {@code low}, {@code high} (95 %, Wilson) and
 *             {@code prompts}.
 *       </ul>
 *   <li>{@code decision_profile}: decided at every residuals_N of the model, in forward order, on
 *       {@code evaluation.decision_prompts} prompts of each category; empty where none were asked for: {@code hook_point},
 *       {@code drops} and {@code gap} (m less the partner's m of the very same prompts) {@code [category][prompt]} in nats,
 *       {@code decided}, {@code low}, {@code high} (in units of that gap).
 *   <li>{@code refusals}: what is refused without intervention, or null: {@code new_tokens}, {@code prompt_index} and
 *       {@code refused} {@code [category][prompt]}, {@code rate} {@code [category]}.
 * </ul>
 *
 * <h2>{@code {model}_{category}_metrics.json}, version 1</h2>
 *
 * <ul>
 *   <li>{@code format} ({@code refusal-evaluation}), {@code version}, {@code model}, {@code category}, {@code baseline},
 *       {@code errors}, {@code seed}, {@code bootstrap}, {@code unit}, {@code hook_points} (patched together),
 *       {@code gap}.
 *   <li>{@code curve}: {@code model} F(M) and {@code empty} F(∅) per prompt; {@code undefined}: why faithfulness and
 *       completeness mean nothing here, or null; {@code sizes}: per size {@code size}, {@code circuit} F(C) and
 *       {@code complement} F(M\C) per prompt, intervals {@code faithfulness} and {@code completeness},
 *       {@code random_faithfulness} of every random circuit; {@code area} under faithfulness over log(size), divided by
 *       the range of log(size); {@code random_area}.
 *   <li>{@code circuits}: {@code discovered}, the same with errors treated otherwise ({@code discovered_errors_keep}, ...),
 *       and {@code legacy} (as many latents per hook point, by correlation with the label): {@code size}, {@code score} (F per prompt), {@code faithfulness},
 *       {@code completeness}.
 *   <li>{@code direction_ablation}: {@code drops} per prompt and {@code drop} in Delta with the difference-of-means
 *       direction projected out, or null.
 *   <li>{@code side_effects}: by intervention, per safe prompt, nats: {@code kl}, {@code kl_last},
 *       {@code cross_entropy}, {@code cross_entropy_model}.
 *   <li>{@code behaviour}: by intervention {@code refused} per prompt and {@code rate}, or null.
 * </ul>
 *
 * <p>{@code {model}_layers.json}, what {@code collect --find-layers} found, is {@link org.refusal.evaluation.LayersFile}.
 */
package org.refusal.evaluation;
