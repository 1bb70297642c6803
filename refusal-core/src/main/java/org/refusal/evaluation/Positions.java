package org.refusal.evaluation;

/** At which tokens of a prompt an intervention acts; attention sinks are left alone in any case. */
public enum Positions {
  ALL,
  /** The template tokens after the user's text. */
  POST_INSTRUCTION
}
