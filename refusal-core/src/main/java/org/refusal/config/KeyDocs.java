package org.refusal.config;

import java.util.List;
import java.util.stream.Collectors;

/** The README of a folder of configs: every key with its type, default, values and meaning. */
public final class KeyDocs {
  private KeyDocs() {}

  /**
   * Markdown for one kind of config file.
   *
   * @param title heading
   * @param introduction what files of the folder are for
   * @param type the record that the files are bound to
   */
  public static String markdown(String title, String introduction, Class<? extends Record> type) {
    StringBuilder page = new StringBuilder("# %s%n%n%s%n%n".formatted(title, introduction).replace("\r\n", "\n"));
    page.append("| key | type | default | meaning |\n|---|---|---|---|\n");
    for (Keys.KeyInfo key : Keys.of(type)) {
      page.append("| `").append(key.path()).append("` | ").append(key.type()).append(" | ");
      page.append(defaultOf(key)).append(" | ").append(meaning(key)).append(" |\n");
    }
    page.append("\nKeys marked * change no result and are no part of what decides whether a stage runs again.\n");
    return page.toString();
  }

  private static String defaultOf(Keys.KeyInfo key) {
    if (key.def() == null) {
      return "must be given";
    }
    return key.def().isEmpty() ? "empty" : key.def().equals("null") ? "none" : "`" + key.def() + "`";
  }

  private static String meaning(Keys.KeyInfo key) {
    String text = key.doc().replace("|", "\\|") + (key.neutral() ? " *" : "");
    if (!key.choices().isEmpty()) {
      text += " One of: " + quoted(key.choices()) + ".";
    }
    if (key.options().isEmpty()) {
      return text;
    }
    boolean off = key.negated(key.options().get(0));
    return text + (off ? " Off with the option: " : " Option: ") + quoted(key.options()) + ".";
  }

  private static String quoted(List<String> values) {
    return values.stream().map(value -> "`" + value + "`").collect(Collectors.joining(", "));
  }
}
