package org.refusal.text.jinja;

/** Python's None. */
enum None {
  NONE
}
