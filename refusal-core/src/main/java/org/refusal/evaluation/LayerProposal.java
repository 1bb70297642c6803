package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.List;
import org.refusal.circuit.HookPoint;

/**
 * Which hook points to capture, from decided at every layer (docs/evaluation.md): the decision layer, the layer below it, and
 * the stream between attention and MLP of the decision layer where the decision falls within that layer.
 *
 * @param decisionLayer YAML name of the first residuals_N with decided of at least {@value #DECIDED}; null where there is none
 * @param hookPoints YAML names to capture, in forward order; empty without a decision layer
 * @param reasons one line for each hook point, or why there is none
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record LayerProposal(String decisionLayer, List<String> hookPoints, List<String> reasons) {
  /** From here on a layer has decided. */
  public static final double DECIDED = .5;

  /** Decided jumps when it rises from below this ... */
  public static final double BEFORE_JUMP = .2;

  /** ... to above this within one layer. */
  public static final double AFTER_JUMP = .8;

  public LayerProposal {
    hookPoints = List.copyOf(hookPoints);
    reasons = List.copyOf(reasons);
  }

  /**
   * @param decided at residuals_0, residuals_1, ...; NaN where it is not known. Below residuals_0 it is 0: template tokens are
   *     the same in every prompt until a layer has read
   */
  static LayerProposal of(double[] decided) {
    return of(decided, decided, decided);
  }

  /**
   * With a neighbour of the decision layer, or of the layer below it, where the interval says that it may be the decision
   * layer as well: the verdict then asks whether both give the same answer.
   *
   * @param low of the 95 % interval of each
   * @param high of the 95 % interval of each
   */
  static LayerProposal of(double[] decided, double[] low, double[] high) {
    int layer = 0;
    while (layer < decided.length && !(decided[layer] >= DECIDED)) {
      layer++;
    }
    if (layer == decided.length) {
      return new LayerProposal(null, List.of(), List.of(nowhere(decided)));
    }
    List<String> points = new ArrayList<>();
    List<String> reasons = new ArrayList<>();
    double before = layer == 0 ? 0 : decided[layer - 1];
    if (layer > 1 && high[layer - 1] >= DECIDED) {
      points.add(HookPoint.residuals(layer - 2).name());
      reasons.add(
          "%s: the layer below that, since %s may be the decision layer (interval up to %.2f)"
              .formatted(points.get(0), HookPoint.residuals(layer - 1).name(), high[layer - 1]));
    }
    if (layer > 0) {
      String below = HookPoint.residuals(layer - 1).name();
      points.add(below);
      reasons.add(
          "%s: the layer below the decision layer, decided %s"
              .formatted(below, Double.isNaN(before) ? "not known" : "%.2f".formatted(before)));
    }
    if (before < BEFORE_JUMP && decided[layer] > AFTER_JUMP) {
      points.add(HookPoint.residualsMid(layer).name());
      reasons.add(
          "%s: decided jumps from %.2f to %.2f within layer %d: this lies between its attention and its MLP"
              .formatted(HookPoint.residualsMid(layer).name(), before, decided[layer], layer));
    }
    String at = HookPoint.residuals(layer).name();
    points.add(at);
    reasons.add("%s: the decision layer, the first with decided of at least %.1f: %.2f".formatted(at, DECIDED, decided[layer]));
    if (low[layer] < DECIDED && layer + 1 < decided.length) {
      points.add(HookPoint.residuals(layer + 1).name());
      reasons.add(
          "%s: it may be the decision layer as well (interval of decided at %s from %.2f)"
              .formatted(HookPoint.residuals(layer + 1).name(), at, low[layer]));
    }
    return new LayerProposal(at, points, reasons);
  }

  /** @param profile at residuals_0, residuals_1, ... */
  public static LayerProposal of(List<LayerDecision> profile) {
    return of(
        profile.stream().mapToDouble(LayerDecision::decided).toArray(),
        profile.stream().mapToDouble(LayerDecision::low).toArray(),
        profile.stream().mapToDouble(LayerDecision::high).toArray());
  }

  private static String nowhere(double[] decided) {
    int highest = -1;
    for (int l = 0; l < decided.length; l++) {
      if (!Double.isNaN(decided[l]) && (highest < 0 || decided[l] > decided[highest])) {
        highest = l;
      }
    }
    return highest < 0
        ? "decided is not known at any layer"
        : "no layer has decided of at least %.1f: the highest is %.2f at %s"
            .formatted(DECIDED, decided[highest], HookPoint.residuals(highest).name());
  }
}
