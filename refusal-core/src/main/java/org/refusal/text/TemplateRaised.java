package org.refusal.text;

/** The template called {@code raise_exception}, as for roles that do not alternate, or what we do not support. */
final class TemplateRaised extends RuntimeException {
  private static final long serialVersionUID = 1L;

  TemplateRaised(String message) {
    super(message);
  }
}
