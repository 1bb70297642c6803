package org.refusal.activation;

/**
 * One prompt in the store.
 *
 * @param promptIndex index in the category's outputs file
 * @param shard number of its file in the store
 * @param firstRow its first row in that file's tensors
 * @param tokens number of its rows
 */
public record StoredPrompt(String category, long promptIndex, int shard, long firstRow, int tokens) {}
