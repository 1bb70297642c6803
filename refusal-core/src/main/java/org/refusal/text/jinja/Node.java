package org.refusal.text.jinja;

import java.util.List;

/** A part of a template as it was read. Immutable. */
interface Node {
  /** Line of the template, from 1. */
  int line();

  /** In the order in which jinja2 visits them, on which the scope of names depends. */
  List<? extends Node> children();

  /** Something with a value. */
  interface Expression extends Node {
    Object value(Run run, Frame frame);
  }

  /** Something that writes. */
  interface Statement extends Node {
    Flow render(Run run, Frame frame, StringBuilder out);
  }

  /** How a statement ended. */
  enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }
}
