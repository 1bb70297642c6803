package org.refusal.behaviour;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.BufferedWriter;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStreamWriter;
import java.io.PushbackReader;
import java.io.Reader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.base.Utf8Reader;
import org.refusal.data.Behaviour;
import org.refusal.io.CsvReader;
import org.refusal.io.Json;

/**
 * The detector over records of completions: every record is copied with {@code label} ({@code refusal}, {@code partial},
 * {@code compliance}) and {@code reason} added at the end. Other columns and the order of records stay, and the text of a
 * record is copied as it stands: numbers, escapes, quotes and blanks. Record by record: memory does not grow with their number.
 */
public final class RefusalLabels {
  private static final List<String> ADDED = List.of("label", "reason");
  private static final String COLUMN = "name the column of the completions with --column";

  /** Python writes numbers that are not finite as bare words; they are copied like all else. */
  private static final ObjectReader ROWS = Json.mapper().reader().with(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS);

  private RefusalLabels() {}

  /**
   * Where records come from.
   *
   * @param name for messages
   */
  public record Source(String name, InputStream stream) {
    /** @throws UserException when there is no such file, or it cannot be read */
    public static Source ofFile(Path file) {
      if (!Files.exists(file) || Files.isDirectory(file)) {
        throw UserException.badData(file + ": " + AtomicFiles.missing(file));
      }
      try {
        return new Source(file.toString(), Files.newInputStream(file));
      } catch (IOException e) {
        throw AtomicFiles.cannotRead(file, e);
      }
    }
  }

  /** A stream whose failures are said to be its own, not those of what is written meanwhile. */
  private static final class Named extends FilterInputStream {
    private final String name;

    Named(String name, InputStream stream) {
      super(stream);
      this.name = name;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) {
      try {
        return super.read(bytes, offset, length);
      } catch (IOException e) {
        throw UserException.environment(
            name + ": cannot be read: " + AtomicFiles.reason(e), "check what it is, and that you may read it");
      }
    }
  }

  /** What the detector needs of a JSON object, and where its closing brace stands in what was read. */
  private record Fields(List<String> keys, boolean found, String completion, long end) {}

  /**
   * To a file; the source is closed.
   *
   * @param column that holds the completions
   * @return records per label
   * @throws UserException with source and record, when the input cannot be read, lacks the column or has one of the added
   *     columns already; nothing is written then
   */
  public static Map<Behaviour, Long> label(
      Source source, RecordFormat format, String column, Path output, RefusalDetector detector) {
    AtomicReference<Map<Behaviour, Long>> counts = new AtomicReference<>();
    AtomicFiles.write(output, out -> {
      Writer writer = new BufferedWriter(new OutputStreamWriter(out, StandardCharsets.UTF_8));
      counts.set(label(source, format, column, writer, detector));
      writer.flush();
    });
    return counts.get();
  }

  /**
   * To a writer, which is left open; the source is closed. When a damaged record is found, those before it have been
   * written.
   */
  public static Map<Behaviour, Long> label(
      Source source, RecordFormat format, String column, Writer output, RefusalDetector detector) throws IOException {
    Map<Behaviour, Long> counts = new EnumMap<>(Behaviour.class);
    for (Behaviour behaviour : Behaviour.values()) {
      counts.put(behaviour, 0L);
    }
    String input = source.name();
    try (InputStream stream = new Named(input, source.stream())) {
      switch (format) {
        case CSV -> labelCsv(input, stream, column, output, detector, counts);
        case JSONL -> labelLines(input, reader(stream), column, output, detector, counts);
        case JSON -> labelArray(input, reader(stream), column, output, detector, counts);
      }
    } catch (Utf8Reader.NotUtf8 e) {
      throw UserException.badData("%s:%d: %s".formatted(input, e.line(), e.getMessage()), e.advice());
    }
    return counts;
  }

  private static void labelCsv(
      String input, InputStream stream, String column, Writer writer, RefusalDetector detector, Map<Behaviour, Long> counts)
      throws IOException {
    CsvReader csv = new CsvReader(input, stream);
    CsvReader.Row header = csv.next();
    if (header == null) {
      throw UserException.badData(input + ": empty file, not even a header");
    }
    int at = csv.column(header, column, COLUMN);
    requireNew("%s:%d".formatted(input, header.line()), header.cells().stream().map(String::strip).toList());
    append(writer, header.raw(), "," + String.join(",", ADDED));
    for (CsvReader.Row row = csv.next(); row != null; row = csv.next()) {
      csv.requireWidth(row, header);
      RefusalVerdict verdict = detector.detect(row.cells().get(at));
      counts.merge(verdict.behaviour(), 1L, Long::sum);
      append(writer, row.raw(), ",%s,%s".formatted(verdict.behaviour().text(), cell(verdict.reason())));
    }
    writer.write(csv.rest());
  }

  /** Before the end of the line, where there is one. */
  private static void append(Writer writer, String line, String more) throws IOException {
    int end = line.length();
    while (end > 0 && (line.charAt(end - 1) == '\n' || line.charAt(end - 1) == '\r')) {
      end--;
    }
    writer.write(line, line.startsWith("\uFEFF") ? 1 : 0, end - (line.startsWith("\uFEFF") ? 1 : 0));
    writer.write(more);
    writer.write(line, end, line.length() - end);
  }

  private static String cell(String text) {
    return text.chars().anyMatch(c -> c == '"' || c == ',' || c == '\n' || c == '\r') || text.isEmpty()
        ? '"' + text.replace("\"", "\"\"") + '"'
        : text;
  }

  private static void labelLines(
      String input, Reader reader, String column, Writer writer, RefusalDetector detector, Map<Behaviour, Long> counts)
      throws IOException {
    long number = 0;
    for (String line = line(reader); line != null; line = line(reader)) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      Fields fields = object(input, number, line, column);
      String added = label(fields, "%s:%d".formatted(input, number), column, detector, counts);
      int end = end(line, (int) fields.end());
      writer.write(line, 0, end);
      writer.write(added);
      writer.write(line, end, line.length() - end);
    }
  }

  /** With the end of the line; null at the end. */
  private static String line(Reader reader) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = reader.read(); c >= 0; c = reader.read()) {
      line.append((char) c);
      if (c == '\n') {
        break;
      }
    }
    return line.isEmpty() ? null : line.toString();
  }

  /** Just behind the last value of an object whose closing brace stands there. */
  private static int end(CharSequence text, int brace) {
    int end = brace;
    while (Character.isWhitespace(text.charAt(end - 1))) {
      end--;
    }
    return end;
  }

  private static void labelArray(
      String input, Reader reader, String column, Writer writer, RefusalDetector detector, Map<Behaviour, Long> counts)
      throws IOException {
    Kept kept = new Kept(reader);
    try (JsonParser parser = ROWS.createParser(kept)) {
      JsonToken first = parser.nextToken();
      if (first == null) {
        throw UserException.badData(input + ": empty, no JSON in it");
      }
      if (first != JsonToken.START_ARRAY) {
        throw UserException.badData(
            input + ": not a JSON array of objects", "one object a line is the format jsonl: name the file .jsonl or give --input-format jsonl");
      }
      long number = 0;
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
          throw UserException.badData("%s: record %d is not a JSON object".formatted(input, number + 1));
        }
        kept.dropBefore(parser.currentTokenLocation().getCharOffset());
        Fields fields = fields(parser, column);
        number++;
        String added = label(fields, "%s: record %d".formatted(input, number), column, detector, counts);
        String row = kept.take(fields.end() + 1);
        int end = end(row, row.length() - 1);
        writer.write(number == 1 ? "[\n" : ",\n");
        writer.write(row, 0, end);
        writer.write(added);
        writer.write(row, end, row.length() - end);
      }
      if (parser.nextToken() != null) {
        throw UserException.badData(input + ": there is more after the array");
      }
      writer.write(number == 0 ? "[]\n" : "\n]\n");
    } catch (JsonProcessingException e) {
      throw UserException.badData("%s: not valid JSON: %s".formatted(Json.place(input, e), Json.reason(e)));
    }
  }

  /** Remembers what was read through it and not yet taken. */
  private static final class Kept extends Reader {
    private final Reader reader;
    private final StringBuilder text = new StringBuilder();
    private long begin;

    Kept(Reader reader) {
      this.reader = reader;
    }

    @Override
    public int read(char[] target, int offset, int length) throws IOException {
      int read = reader.read(target, offset, length);
      text.append(target, offset, Math.max(0, read));
      return read;
    }

    void dropBefore(long position) {
      text.delete(0, (int) (position - begin));
      begin = position;
    }

    String take(long end) {
      String taken = text.substring(0, (int) (end - begin));
      dropBefore(end);
      return taken;
    }

    @Override
    public void close() throws IOException {
      reader.close();
    }
  }

  /** Of the object at which the parser stands; afterwards it stands at its end. */
  private static Fields fields(JsonParser parser, String column) throws IOException {
    List<String> keys = new ArrayList<>();
    boolean found = false;
    String completion = null;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      keys.add(key);
      JsonToken value = parser.nextToken();
      if (key.equals(column)) {
        found = true;
        completion = value == JsonToken.VALUE_STRING ? parser.getText() : null;
      }
      parser.skipChildren();
    }
    return new Fields(keys, found, completion, parser.currentTokenLocation().getCharOffset());
  }

  /**
   * The keys that are added, as text.
   *
   * @param where file and record, for messages
   */
  private static String label(
      Fields row, String where, String column, RefusalDetector detector, Map<Behaviour, Long> counts) throws IOException {
    if (row.completion() == null) {
      throw UserException.badData(
          "%s: %s; found: %s"
              .formatted(
                  where,
                  row.found() ? column + " is no text" : "no key " + column,
                  String.join(", ", row.keys())),
          "name the key of the completions with --column");
    }
    requireNew(where, row.keys());
    RefusalVerdict verdict = detector.detect(row.completion());
    counts.merge(verdict.behaviour(), 1L, Long::sum);
    return ",\"label\":%s,\"reason\":%s"
        .formatted(
            Json.mapper().writeValueAsString(verdict.behaviour().text()), Json.mapper().writeValueAsString(verdict.reason()));
  }

  private static Fields object(String input, long number, String line, String column) throws IOException {
    try (JsonParser parser = ROWS.createParser(line)) {
      JsonToken first = parser.nextToken();
      if (first != JsonToken.START_OBJECT) {
        throw UserException.badData("%s:%d: not a JSON object".formatted(input, number));
      }
      Fields fields = fields(parser, column);
      if (parser.nextToken() != null) {
        throw UserException.badData("%s:%d: there is more after the object".formatted(input, number), "one object a line");
      }
      return fields;
    } catch (JsonProcessingException e) {
      int at = e.getLocation() == null ? 1 : e.getLocation().getColumnNr();
      throw UserException.badData("%s:%d:%d: not valid JSON: %s".formatted(input, number, at, Json.reason(e)));
    }
  }

  private static void requireNew(String where, List<String> columns) {
    for (String added : ADDED) {
      if (columns.contains(added)) {
        throw UserException.badData(
            "%s: there is a column %s already".formatted(where, added), "rename or remove it first");
      }
    }
  }

  /** Without the byte order mark that some programs write. */
  private static Reader reader(InputStream stream) throws IOException {
    PushbackReader reader = new PushbackReader(new java.io.BufferedReader(new Utf8Reader(stream)));
    int first = reader.read();
    if (first >= 0 && first != '\uFEFF') {
      reader.unread(first);
    }
    return reader;
  }
}
