package org.refusal.text.jinja;

/** A text marked as safe for HTML: what is added to it is escaped. */
record Markup(String text) {
  static Markup escape(Object value) {
    return value instanceof Markup markup
        ? markup
        : new Markup(
            Texts.of(value)
                .replace("&", "&amp;")
                .replace(">", "&gt;")
                .replace("<", "&lt;")
                .replace("'", "&#39;")
                .replace("\"", "&#34;"));
  }
}
