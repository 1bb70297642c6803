package org.refusal.activation;

import org.refusal.data.PromptKey;

/**
 * One prompt in the store.
 *
 * @param shard number of its file in the store
 * @param firstRow its first row in that file's tensors
 * @param tokens number of its rows
 */
public record StoredPrompt(PromptKey key, int shard, long firstRow, int tokens) {}
