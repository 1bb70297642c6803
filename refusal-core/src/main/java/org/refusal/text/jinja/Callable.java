package org.refusal.text.jinja;

/** Anything a template can call. */
interface Callable {
  Object call(Run run, Arguments arguments);
}
