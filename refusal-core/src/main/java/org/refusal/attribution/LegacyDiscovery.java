package org.refusal.attribution;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.Edge;
import org.refusal.circuit.ErrorNode;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.circuit.Node;

/**
 * Circuits by correlation, as the earlier project defined them ({@code attribution_method: stats}); kept so that its
 * results can be run again. Where labels vary: importance = |Pearson r| of latent and label over the hook point's largest,
 * all nodes at or above the threshold. Where they do not: importance = .7 mean|f| + .3 var(f), the {@code perPoint}
 * largest, whatever the threshold. Ties keep latent order. Edges: |Pearson r| of nodes of adjacent hook points, kept from
 * the threshold on; a constant latent has none.
 *
 * @param perPoint so many nodes per hook point where labels do not vary
 */
public record LegacyDiscovery(double nodeThreshold, double edgeThreshold, int perPoint) {

  /** One value per prompt and latent at one hook point {@code [n][d_sae]}. */
  public record Features(float[][] values) {
    float[] column(int latent) {
      float[] column = new float[values.length];
      for (int p = 0; p < column.length; p++) {
        column[p] = values[p][latent];
      }
      return column;
    }

    int latents() {
      return values.length == 0 ? 0 : values[0].length;
    }
  }

  /** @param harmful label of every prompt */
  public Circuit discover(SortedMap<HookPoint, Features> features, boolean[] harmful) {
    List<ScoredNode> nodes = nodes(features, harmful);
    return new Circuit(nodes, edges(features, nodes, edgeThreshold));
  }

  /** The nodes alone, best first at every hook point. */
  public List<ScoredNode> nodes(SortedMap<HookPoint, Features> features, boolean[] harmful) {
    boolean varied = harmful.length > 0 && !allAlike(harmful);
    List<ScoredNode> nodes = new ArrayList<>();
    features.forEach(
        (at, ofPoint) -> nodes.addAll(varied ? byCorrelation(at, ofPoint, harmful) : byMagnitude(at, ofPoint)));
    return nodes;
  }

  /**
   * What a circuit is compared with: as many latents at every hook point, those that correlate most with the label, and
   * the circuit's own error nodes.
   */
  public static List<Node> ofEqualSize(
      List<? extends Node> circuit, SortedMap<HookPoint, Features> features, boolean[] harmful) {
    List<ScoredNode> ranked = new LegacyDiscovery(0, 1, Integer.MAX_VALUE).nodes(features, harmful);
    List<Node> chosen = new ArrayList<>();
    for (HookPoint at : features.keySet()) {
      long count = circuit.stream().filter(node -> node.at().equals(at) && node instanceof LatentNode).count();
      ranked.stream().map(ScoredNode::node).filter(node -> node.at().equals(at)).limit(count).forEach(chosen::add);
    }
    circuit.stream().filter(ErrorNode.class::isInstance).forEach(chosen::add);
    return chosen;
  }

  private static boolean allAlike(boolean[] labels) {
    for (boolean label : labels) {
      if (label != labels[0]) {
        return false;
      }
    }
    return true;
  }

  private List<ScoredNode> byCorrelation(HookPoint at, Features features, boolean[] harmful) {
    float[] labels = new float[harmful.length];
    for (int p = 0; p < labels.length; p++) {
      labels[p] = harmful[p] ? 1 : 0;
    }
    double[] scores = new double[features.latents()];
    double largest = 0;
    for (int i = 0; i < scores.length; i++) {
      double r = Math.abs(pearson(features.column(i), labels));
      scores[i] = Double.isNaN(r) ? 0 : r;
      largest = Math.max(largest, scores[i]);
    }
    if (largest > 0) {
      for (int i = 0; i < scores.length; i++) {
        scores[i] = (float) (scores[i] / largest);
      }
    }
    return ranked(at, scores).stream().filter(node -> node.importance() >= nodeThreshold).toList();
  }

  private List<ScoredNode> byMagnitude(HookPoint at, Features features) {
    double[] scores = new double[features.latents()];
    for (int i = 0; i < scores.length; i++) {
      float[] column = features.column(i);
      double mean = 0;
      double size = 0;
      for (float value : column) {
        mean += value;
        size += Math.abs(value);
      }
      mean /= column.length;
      double variance = 0;
      for (float value : column) {
        variance += (value - mean) * (value - mean);
      }
      scores[i] = (float) (.7 * size / column.length + .3 * variance / column.length);
    }
    return ranked(at, scores).stream().limit(perPoint).toList();
  }

  private static List<ScoredNode> ranked(HookPoint at, double[] scores) {
    List<ScoredNode> nodes = new ArrayList<>();
    for (int i = 0; i < scores.length; i++) {
      nodes.add(new ScoredNode(new LatentNode(at, i), Double.NaN, scores[i]));
    }
    nodes.sort(Comparator.comparingDouble(ScoredNode::importance).reversed());
    return nodes;
  }

  /** |Pearson r| between the latents among the nodes of adjacent hook points. */
  static List<Edge> edges(SortedMap<HookPoint, Features> features, List<ScoredNode> nodes, double threshold) {
    List<Edge> edges = new ArrayList<>();
    List<HookPoint> points = List.copyOf(features.keySet());
    for (int u = 0; u + 1 < points.size(); u++) {
      List<LatentNode> sources = latents(nodes, points.get(u));
      List<LatentNode> targets = latents(nodes, points.get(u + 1));
      for (LatentNode source : sources) {
        float[] from = features.get(points.get(u)).column(source.latent());
        for (LatentNode target : targets) {
          double r = Math.abs(pearson(from, features.get(points.get(u + 1)).column(target.latent())));
          if (r >= threshold) { // false for NaN
            edges.add(new Edge(source, target, r));
          }
        }
      }
    }
    return edges;
  }

  private static List<LatentNode> latents(List<ScoredNode> nodes, HookPoint at) {
    return nodes.stream()
        .map(ScoredNode::node)
        .filter(node -> node.at().equals(at) && node instanceof LatentNode)
        .map(LatentNode.class::cast)
        .toList();
  }

  /** Pearson's r; NaN where either side is constant. */
  static double pearson(float[] a, float[] b) {
    double meanA = mean(a);
    double meanB = mean(b);
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < a.length; i++) {
      ab += (a[i] - meanA) * (b[i] - meanB);
      aa += (a[i] - meanA) * (a[i] - meanA);
      bb += (b[i] - meanB) * (b[i] - meanB);
    }
    boolean constant = isConstant(a) || isConstant(b);
    return constant ? Double.NaN : Math.max(-1, Math.min(1, ab / Math.sqrt(aa * bb)));
  }

  private static boolean isConstant(float[] values) {
    float first = values[0];
    for (float value : values) {
      if (value != first) {
        return false;
      }
    }
    return true;
  }

  private static double mean(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum / values.length;
  }
}
