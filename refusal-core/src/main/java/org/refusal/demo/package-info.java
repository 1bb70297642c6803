/**
 * Models whose refusal mechanism is known because it was built in: tiny Llama checkpoints, compiled and not trained, with
 * prompts in OR-Bench layout and the truth beside them ({@code truth.json}). What the pipeline says of them can be right
 * or wrong.
 *
 * <h2>The mechanism</h2>
 *
 * Every token carries a large constant, so that RMSNorm hardly varies, and features of its word. Layer 0 attends to words
 * that trigger a category and to words of harmful intent and writes at every later position which were there. Layer 1 has
 * one gate per category: trigger and harmful intent, at user positions only; it writes harm of that category. Layer 2
 * carries harm from the user's positions to the template positions after the text, where it becomes refusal evidence:
 * along one direction for all categories (monolithic), one for each (modular), one per cluster (mixed), one for all and one
 * for each together (graded), or none. Layer 3
 * has one gate per direction of evidence and writes the decision to refuse, layer 4 amplifies it, and the unembedding of
 * the refusal's first token reads it. Queries and keys lie in the slowest rotary pairs, so that distance hardly matters.
 * A random rotation of the residual stream hides all axes. Filler words and distractors have no causal role; with
 * {@code leak} the category's harm also goes to the template positions, along directions that nothing reads.
 *
 * <p>A graded model's evidence for category c is p u + q u_c, with u common, u_c the category's own, and p² + q² = 1; its gate
 * of u adds p² to the decision and its gate of u_c adds q², and layer 4 leaves it so. Evidence of category i taken from a
 * prompt of category j, as much as that has of its own, takes the common part p u and leaves q u_j: the shared part of j's
 * refusal is p² ({@code share}).
 *
 * <p>So refusal is decided at {@code residuals_2}. In a modular model the later layers read it there along one direction
 * per category, and from {@code residuals_3} on along one for all.
 *
 * <h2>truth.json</h2>
 *
 * {@code kind}, {@code seed}, {@code leak}, {@code verdict}, {@code categories}, {@code clusters} (lists of categories;
 * none of a graded model), {@code share} (of a graded model), {@code shared_part} (1 - D of the true directions: of a graded
 * model measured on it, in float64),
 * {@code decision_layer}, {@code first_shared_layer}, {@code refusal_tokens}, {@code directions} (hook point to category
 * to unit vector {@code [d_model]}: what carries that category's refusal there), {@code transfer} {@code [i][j]}: how
 * much of what category j's own direction takes from its prompts' log-odds of refusing category i's takes, when taken away
 * at residuals_2.
 */
package org.refusal.demo;
