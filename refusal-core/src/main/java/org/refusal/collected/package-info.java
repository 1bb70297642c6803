/**
 * What is known of the prompts that were run: R, the answers and their labels, the AUC of m, where activations and outputs lie.
 *
 * <p>File formats: {@code {model}_collect.json} is {@link org.refusal.collected.CollectReport}. {@code
 * {model}_content_free.json} is a list with {@code prompt_index} (in the shipped list), {@code prompt}, {@code completion},
 * {@code refused}, {@code behaviour} and {@code reason}.
 */
package org.refusal.collected;
