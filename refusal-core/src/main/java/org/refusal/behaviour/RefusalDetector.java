package org.refusal.behaviour;

import org.refusal.base.UserException;

/** Decides from an answer, whole or cut, whether the model refused. Safe for use by many threads. */
@FunctionalInterface
public interface RefusalDetector {
  RefusalVerdict detect(String answer);

  /** @param name {@code default}, or {@code legacy} for the original keyword list */
  static RefusalDetector of(String name) {
    return switch (name) {
      case "default" -> new RuleRefusalDetector();
      case "legacy" -> new LegacyRefusalDetector();
      default -> throw UserException.badConfig("the detector must be default or legacy, not " + name);
    };
  }
}
