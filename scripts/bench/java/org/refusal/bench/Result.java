package org.refusal.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.refusal.io.Json;

/**
 * What a benchmark found.
 *
 * @param notes facts for the reader that are no comparison: sizes, peak memory, agreement of the two sides
 */
record Result(List<Row> rows, List<String> notes) {
  Result {
    rows = List.copyOf(rows);
    notes = List.copyOf(notes);
  }

  String table() {
    int width = rows.stream().mapToInt(row -> row.metric().length()).max().orElse(0);
    int unit = Math.max(4, rows.stream().mapToInt(row -> row.unit().length()).max().orElse(0));
    String form = "%-" + Math.max(6, width) + "s  %12s  %12s  %8s  %-" + unit + "s";
    StringBuilder table = new StringBuilder();
    table.append(form.formatted("metric", "ours", "baseline", "ratio", "unit").stripTrailing()).append('\n');
    for (Row row : rows) {
      table
          .append(
              form.formatted(
                      row.metric(), number(row.ours()), number(row.baseline()),
                      String.format(Locale.ROOT, "%.2f", row.ratio()), row.unit())
                  .stripTrailing())
          .append('\n');
    }
    notes.forEach(note -> table.append("  ").append(note).append('\n'));
    return table.toString();
  }

  private static String number(double value) {
    double size = Math.abs(value);
    return String.format(Locale.ROOT, size >= 100 ? "%.0f" : size >= 1 ? "%.2f" : "%.4f", value);
  }

  void writeJson(Path file) {
    List<Map<String, Object>> entries = new ArrayList<>();
    for (Row row : rows) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("metric", row.metric());
      entry.put("ours", row.ours());
      entry.put("baseline", row.baseline());
      entry.put("ratio", row.ratio());
      entry.put("unit", row.unit());
      entries.add(entry);
    }
    Json.write(file, entries);
  }
}
