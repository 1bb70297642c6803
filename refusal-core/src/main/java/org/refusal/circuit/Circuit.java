package org.refusal.circuit;

import java.util.List;

/**
 * The nodes that carry an effect, and the edges between them.
 *
 * @param nodes in rank order within each hook point, hook points in forward order
 */
public record Circuit(List<ScoredNode> nodes, List<Edge> edges) {
  public Circuit {
    nodes = List.copyOf(nodes);
    edges = List.copyOf(edges);
  }

  /**
   * @param effect mean over prompts of the indirect effect (change of m in nats when the node is set to its baseline)
   * @param importance what the node is ranked by: |effect|, or the legacy score
   */
  public record ScoredNode(Node node, double effect, double importance) {}
}
