package org.refusal.behaviour;

import java.nio.file.Path;
import java.util.Locale;
import org.refusal.base.UserException;

/** How records of completions are written down, all in UTF-8. */
public enum RecordFormat {
  /** RFC 4180, a header first. */
  CSV,
  /** One JSON object a line. */
  JSONL,
  /** One array of JSON objects. */
  JSON;

  /** @param name {@code csv}, {@code jsonl} or {@code json} */
  public static RecordFormat of(String name) {
    for (RecordFormat format : values()) {
      if (format.name().toLowerCase(Locale.ROOT).equals(name)) {
        return format;
      }
    }
    throw UserException.usage("--input-format " + name + ": no such format", "one of csv, jsonl, json");
  }

  /** By the end of its name: {@code .csv}, {@code .jsonl} or {@code .ndjson}, {@code .json}. */
  public static RecordFormat ofFile(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".csv")) {
      return CSV;
    }
    if (name.endsWith(".jsonl") || name.endsWith(".ndjson")) {
      return JSONL;
    }
    if (name.endsWith(".json")) {
      return JSON;
    }
    throw UserException.usage(
        file + ": its name does not say what it holds", "give --input-format csv, jsonl or json");
  }
}
