package org.refusal.collected;

import java.util.List;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;

/**
 * Which prompts the metric m is judged on: the held-out ones of any label, refused against complied. Discovery prompts chose
 * R and would flatter it; prompts that {@code data.keep} leaves out count, since they are the hard ones. The AUC of collect's
 * report, of the gate before discovery and of the verdict is made of these numbers.
 *
 * @param refused m of the held-out prompts that the model refused, fully or in part, nats
 * @param complied m of those that it answered, nats
 */
public record MetricSeparation(double[] refused, double[] complied) {
  /** Below this AUC of m nothing is attributed, unless forced. */
  public static final double LEAST_AUC = 0.6;

  /** Below this AUC of m a warning is given; no verdict rests on such a metric. */
  public static final double GOOD_AUC = 0.8;

  /** Prompts without a metric (NaN: R is empty, or the prompts were imported) are left out. */
  public static MetricSeparation of(List<ModelOutput> outputs) {
    return new MetricSeparation(metrics(outputs, true), metrics(outputs, false));
  }

  private static double[] metrics(List<ModelOutput> outputs, boolean refused) {
    return outputs.stream()
        .filter(output -> output.split() == Split.Side.HELDOUT && output.behaviour().refused() == refused)
        .mapToDouble(ModelOutput::metric)
        .filter(metric -> !Double.isNaN(metric))
        .toArray();
  }
}
