package org.refusal.attribution;

import org.refusal.base.UserException;
import org.refusal.circuit.ErrorMode;
import org.refusal.config.DiscoverConfig;

/**
 * How circuits are found.
 *
 * @param estimator of the nodes' effects
 * @param steps N of the straight path whose gradients make the effect form
 * @param rule where in each step
 * @param topN whether exactly {@code perPoint} nodes are taken at every hook point
 * @param nodeThreshold otherwise: least importance as a share of the circuit's largest
 * @param errors treatment of SAE errors in the patched runs that the circuit is meant for
 * @param edgeThreshold least |weight|: as a share of the circuit's largest, or absolute for legacy edges
 * @param aggregation of positions, for legacy edges
 * @param separate whether toxic and safe prompts make circuits of their own
 * @param batchSize prompts run at once
 */
public record DiscoverySettings(
    EffectEstimator estimator,
    int steps,
    StepRule rule,
    boolean topN,
    double nodeThreshold,
    int perPoint,
    ErrorMode errors,
    Edges edges,
    double edgeThreshold,
    Aggregation aggregation,
    boolean separate,
    int batchSize,
    long seed) {

  /** How edges are scored. */
  public enum Edges {
    CAUSAL,
    LEGACY,
    NONE
  }

  public DiscoverySettings {
    positive("circuit.ig_steps", steps);
    positive("circuit.top_n_per_layer", perPoint);
    positive("discovery.batch_size", batchSize);
    notNegative("circuit.node_threshold", nodeThreshold);
    notNegative("circuit.edge_threshold", edgeThreshold);
  }

  private static void positive(String key, int value) {
    if (value < 1) {
      throw UserException.badConfig("%s is %d; it must be at least 1".formatted(key, value));
    }
  }

  private static void notNegative(String key, double value) {
    if (!(value >= 0)) {
      throw UserException.badConfig("%s is %s; it must not be negative".formatted(key, value));
    }
  }

  /** Patched runs in one batch of {@link ExactPatching}, per prompt of the configured batch size. */
  private static final int EXACT_ROWS_PER_PROMPT = 16;

  /** @throws UserException for {@code attribution_method: stats}, which no effect estimator stands for */
  public static DiscoverySettings of(DiscoverConfig config) {
    DiscoverConfig.CircuitSection circuit = config.circuit();
    StepRule rule = circuit.igRule().equals("left") ? StepRule.LEFT : StepRule.MIDPOINT;
    EffectEstimator estimator =
        switch (circuit.attributionMethod()) {
          case "atp" -> new AttributionPatching();
          case "ig" -> new IntegratedGradients(circuit.igSteps(), rule, circuit.igPath().equals("joint"));
          case "exact" -> new ExactPatching(EXACT_ROWS_PER_PROMPT * Math.max(1, config.discovery().batchSize()));
          default ->
              throw UserException.badConfig(
                  "circuit.attribution_method: '%s' estimates no effects".formatted(circuit.attributionMethod()));
        };
    return new DiscoverySettings(
        estimator,
        circuit.igSteps(),
        rule,
        circuit.selection().equals("top_n"),
        circuit.nodeThreshold(),
        circuit.topNPerLayer(),
        ErrorMode.of(circuit.errors()),
        circuit.edges().equals("auto") ? Edges.CAUSAL : Edges.valueOf(circuit.edges().toUpperCase(java.util.Locale.ROOT)),
        circuit.edgeThreshold(),
        Aggregation.of(circuit.aggregationMethod()),
        config.discovery().separateSafeToxic(),
        config.discovery().batchSize(),
        config.seed());
  }

  NodeSelection selection() {
    return new NodeSelection(
        topN ? NodeSelection.Rule.TOP_N : NodeSelection.Rule.RELATIVE, nodeThreshold, perPoint, errors.nodes());
  }
}
