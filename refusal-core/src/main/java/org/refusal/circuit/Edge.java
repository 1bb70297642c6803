package org.refusal.circuit;

/**
 * A causal edge between nodes of adjacent captured hook points.
 *
 * @param weight change of the metric m (log-odds, nats) that the upstream node causes through the downstream node when
 *     it is set to its baseline, mean over prompts
 */
public record Edge(Node upstream, Node downstream, double weight) {}
