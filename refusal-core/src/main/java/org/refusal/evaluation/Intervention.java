package org.refusal.evaluation;

import java.util.Collection;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;
import org.refusal.circuit.HookPoint;

/**
 * A change made to the model while it runs: what is replaced at which hook points, all in one run.
 *
 * @param name for messages
 */
public record Intervention(String name, SortedMap<HookPoint, Replacement> byPoint, Positions positions) {
  public Intervention {
    byPoint = Collections.unmodifiableSortedMap(new TreeMap<>(byPoint));
    if (byPoint.isEmpty()) {
      throw new IllegalArgumentException("intervention '" + name + "' replaces nothing");
    }
  }

  /** At every position. */
  public static Intervention at(String name, HookPoint at, Replacement replacement) {
    return new Intervention(name, new TreeMap<>(java.util.Map.of(at, replacement)), Positions.ALL);
  }

  /** The same replacement at several hook points of one run. */
  public static Intervention at(String name, Collection<HookPoint> points, Replacement replacement) {
    SortedMap<HookPoint, Replacement> byPoint = new TreeMap<>();
    points.forEach(point -> byPoint.put(point, replacement));
    return new Intervention(name, byPoint, Positions.ALL);
  }

  public Intervention onlyAt(Positions chosen) {
    return new Intervention(name, byPoint, chosen);
  }

  /** Whether it changes tokens that are their own baseline. */
  boolean ablates() {
    return byPoint.values().stream().anyMatch(Replacement.Ablation.class::isInstance);
  }

  /** Below it the model runs as it is. */
  public HookPoint first() {
    return byPoint.firstKey();
  }
}
