package org.refusal.verdict;

import java.util.ArrayList;
import java.util.List;
import org.refusal.circuit.HookPoint;
import org.refusal.config.StatsConfig;
import org.refusal.stats.Estimate;
import org.refusal.verdict.Decision.Effort;

/**
 * Where the model decides (docs/definitions.md): the first residuals_N after which at least {@code verdict.decided} of the
 * refusal gap hangs on the positions after the user's text. Only residual-stream hook points take part: what an attention
 * block or an MLP adds says nothing of how far the stream has made up its mind.
 *
 * @param found the captured hook point at which the answer is read off, or null
 * @param below residuals_(N-1) where it was captured, or null
 * @param decided at the decision layer; null without one
 * @param decidedBelow one layer below, or null where not measured
 * @param doubt why no layer was found, or null
 * @param steps what to do about it
 * @param jumpsWithin whether most of the decision is made within layer N itself
 */
record DecisionLayer(
    HookPointMeasures found,
    HookPointMeasures below,
    Estimate decided,
    Estimate decidedBelow,
    String doubt,
    List<Decision.Step> steps,
    boolean jumpsWithin) {

  private static final String FIND =
      "which layers to capture is found on a few prompts by: refusal collect --config ... --find-layers";
  private static final double BARELY = .2;
  private static final double NEARLY_ALL = .8;

  /** One layer that was looked at. */
  private record Layer(int number, Estimate decided) {
    String name() {
      return HookPoint.residuals(number).name();
    }
  }

  static DecisionLayer of(SharingMeasures tests, StatsConfig.Verdict thresholds) {
    boolean everyLayer = !tests.layers().isEmpty();
    List<Layer> layers = everyLayer ? everyLayer(tests) : captured(tests);
    if (layers.isEmpty()) {
      return none(
          "no decision layer: where the model decides was not measured (no residuals_N was evaluated)",
          Effort.COLLECT,
          FIND);
    }
    for (int i = 0; i < layers.size(); i++) {
      Layer layer = layers.get(i);
      if (!Double.isFinite(layer.decided().value())) {
        return none(
            "no decision layer: how far the model has decided was not measured at %s".formatted(layer.name()),
            Effort.EVALUATE,
            "measure it again: refusal evaluate --config ... --fresh");
      }
      if (layer.decided().value() >= thresholds.decided()) {
        return at(tests, layers, i, everyLayer, thresholds);
      }
    }
    Layer last = layers.get(layers.size() - 1);
    String decided =
        "no decision layer: %s of the refusal gap is decided at %s, the last %s, less than %s"
            .formatted(
                Sentences.percent(last.decided().value()), last.name(),
                everyLayer ? "layer" : "captured hook point of the residual stream",
                Sentences.percent(thresholds.decided()));
    return everyLayer
        ? new DecisionLayer(
            null, null, null, null,
            decided + ": what makes this model refuse does not pass through the positions after the user's text",
            List.of(), false)
        : none(decided + ": later layers were not looked at", Effort.COLLECT, "capture later layers; " + FIND);
  }

  private static DecisionLayer at(
      SharingMeasures tests, List<Layer> layers, int i, boolean everyLayer, StatsConfig.Verdict thresholds) {
    Layer layer = layers.get(i);
    Layer before = i == 0 ? null : layers.get(i - 1);
    String here = layer.name();
    boolean first = layer.number() == 0;
    if (!first && before == null) {
      return none(
          "no decision layer: decided before %s, where %s of the refusal gap already hangs on the post-instruction positions"
              .formatted(here, Sentences.percent(layer.decided().value())),
          Effort.COLLECT,
          "capture earlier layers; " + FIND);
    }
    if (before != null && before.number() != layer.number() - 1) {
      return none(
          "no decision layer: it lies between %s (%s decided) and %s (%s), and the layers between were not looked at"
              .formatted(
                  before.name(), Sentences.percent(before.decided().value()), here,
                  Sentences.percent(layer.decided().value())),
          Effort.COLLECT,
          "capture them: %s--set model.activation_layers=[%s-%d]"
              .formatted(Decision.RUN, before.name(), layer.number()));
    }
    HookPointMeasures found = point(tests, here);
    if (found == null) {
      return none(
          "decided at %s (%s of the refusal gap, after %s one layer below), which was not captured"
              .formatted(
                  here, Sentences.percent(layer.decided().value()),
                  before == null ? "nothing" : Sentences.percent(before.decided().value())),
          Effort.COLLECT,
          "capture it: " + command(layer.number()));
    }
    return new DecisionLayer(
        found,
        first ? null : point(tests, HookPoint.residuals(layer.number() - 1).name()),
        layer.decided(),
        before == null ? null : before.decided(),
        null,
        List.of(),
        before != null && before.decided().value() < BARELY && layer.decided().value() > NEARLY_ALL);
  }

  /** The command that captures a layer and the one below it. */
  static String command(int layer) {
    return Decision.RUN
        + (layer == 0
            ? "--set model.activation_layers=[residuals_0]"
            : "--set model.activation_layers=[residuals_%d,residuals_%d]".formatted(layer - 1, layer));
  }

  int number() {
    return HookPoint.parse(found.hookPoint()).layer();
  }

  private static DecisionLayer none(String doubt, Effort effort, String step) {
    return new DecisionLayer(null, null, null, null, doubt, List.of(new Decision.Step(effort, step)), false);
  }

  private static List<Layer> everyLayer(SharingMeasures tests) {
    List<Layer> layers = new ArrayList<>();
    tests.layers().forEach(
        layer -> layers.add(new Layer(HookPoint.parse(layer.hookPoint()).layer(), layer.decided())));
    return layers;
  }

  private static List<Layer> captured(SharingMeasures tests) {
    List<Layer> layers = new ArrayList<>();
    for (HookPointMeasures point : tests.hookPoints()) {
      HookPoint at = HookPoint.parse(point.hookPoint());
      if (at.site() == HookPoint.Site.RESID_POST) {
        layers.add(new Layer(at.layer(), point.decided()));
      }
    }
    return layers.stream().anyMatch(layer -> Double.isFinite(layer.decided().value())) ? layers : List.of();
  }

  static HookPointMeasures point(SharingMeasures tests, String name) {
    return tests.hookPoints().stream().filter(point -> point.hookPoint().equals(name)).findFirst().orElse(null);
  }
}
