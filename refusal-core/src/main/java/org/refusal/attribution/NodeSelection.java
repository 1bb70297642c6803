package org.refusal.attribution;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;

/**
 * Which nodes make a circuit (docs/attribution.md). Error nodes compete for places like latents, if they may be in a circuit at all; nodes without any effect are never
 * taken by {@code RELATIVE}. Ties keep latent order, the error node last.
 *
 * @param threshold for RELATIVE: least importance as a share of the largest in the circuit
 * @param perPoint at most (RELATIVE) or exactly (TOP_N) so many nodes per hook point
 * @param errorNodes whether error nodes may be taken
 */
record NodeSelection(Rule rule, double threshold, int perPoint, boolean errorNodes) {
  enum Rule {
    RELATIVE,
    TOP_N
  }

  /** Nodes in rank order within each hook point, hook points in forward order. */
  List<ScoredNode> select(MeanEffects effects) {
    List<List<ScoredNode>> ranked = new ArrayList<>();
    double largest = 0;
    for (HookPoint at : effects.hookPoints()) {
      List<ScoredNode> nodes = ranked(effects, at);
      largest = Math.max(largest, nodes.get(0).importance());
      ranked.add(nodes);
    }
    List<ScoredNode> selected = new ArrayList<>();
    double least = threshold * largest;
    for (List<ScoredNode> nodes : ranked) {
      nodes.stream()
          .limit(perPoint)
          .filter(node -> rule == Rule.TOP_N || node.importance() > 0 && node.importance() >= least)
          .forEach(selected::add);
    }
    return selected;
  }

  private List<ScoredNode> ranked(MeanEffects effects, HookPoint at) {
    List<ScoredNode> nodes = new ArrayList<>();
    double[] latents = effects.latents(at);
    for (int i = 0; i < latents.length; i++) {
      nodes.add(new ScoredNode(new LatentNode(at, i), latents[i], Math.abs(latents[i])));
    }
    if (errorNodes) {
      double error = effects.error(at);
      nodes.add(new ScoredNode(new ErrorNode(at), error, Math.abs(error)));
    }
    nodes.sort(Comparator.comparingDouble(ScoredNode::importance).reversed());
    return nodes;
  }
}
