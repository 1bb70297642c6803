package org.refusal.model;

import java.util.Map;
import java.util.Optional;
import org.refusal.circuit.HookPoint;

/** Which hook stands at which hook point; immutable. */
public record Hooks(Map<HookPoint, Hook> byPoint) {
  private static final Hooks NONE = new Hooks(Map.of());

  public Hooks {
    byPoint = Map.copyOf(byPoint);
  }

  public static Hooks none() {
    return NONE;
  }

  public static Hooks at(HookPoint point, Hook hook) {
    return new Hooks(Map.of(point, hook));
  }

  public Optional<Hook> find(HookPoint point) {
    return Optional.ofNullable(byPoint.get(point));
  }
}
