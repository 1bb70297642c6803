package org.refusal.text.jinja;

/** A template that cannot be read or rendered. The message is one line without the template's name. */
public final class JinjaException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int line;

  JinjaException(int line, String message) {
    super(message.replace('\n', ' ').replace('\r', ' '), null, false, false);
    this.line = line;
  }

  /** A fault whose line is not known where it is found; the renderer adds it. */
  JinjaException(String message) {
    this(0, message);
  }

  /** Line of the template, from 1. */
  public int line() {
    return line;
  }
}
