package org.refusal.subject;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.Map;
import org.refusal.circuit.HookPoint;
import org.refusal.torch.TorchOps;

/**
 * From which norm on a token is an attention sink at a hook point (docs/definitions.md). Sinks are left out of means and
 * attributions, and interventions never touch them.
 *
 * @param byPoint norm of the residual stream above which a token is a sink; a hook point that is absent has none
 */
public record SinkThresholds(Map<HookPoint, Double> byPoint) {
  public SinkThresholds {
    byPoint = Map.copyOf(byPoint);
  }

  public static SinkThresholds none() {
    return new SinkThresholds(Map.of());
  }

  /**
   * @param activation {@code [tokens, d_model]}
   * @return for every token whether it is a sink, {@code [tokens]}
   */
  public boolean[] mask(HookPoint at, NDArray activation) {
    boolean[] sinks = new boolean[Math.toIntExact(activation.getShape().get(0))];
    Double threshold = byPoint.get(at);
    if (threshold == null) {
      return sinks;
    }
    try (NDArray wide = TorchOps.cast(activation, DataType.FLOAT64);
        NDArray squares = wide.mul(wide);
        NDArray sums = squares.sum(new int[] {1})) {
      double[] squared = sums.toDoubleArray();
      for (int t = 0; t < sinks.length; t++) {
        sinks[t] = Math.sqrt(squared[t]) > threshold;
      }
    }
    return sinks;
  }
}
