package org.refusal.text;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVPrinter;
import org.apache.commons.csv.CSVRecord;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.data.Behaviour;
import org.refusal.io.Json;

/**
 * The detector over records of completions: every record is copied with {@code label} ({@code refusal}, {@code partial},
 * {@code compliance}) and {@code reason} added at the end. Other columns and the order of records stay. Record by
 * record: memory does not grow with their number.
 */
public final class RefusalLabels {
  private static final List<String> ADDED = List.of("label", "reason");

  /** Numbers are kept digit by digit, and NaN and Infinity as Python writes them. */
  private static final ObjectReader ROWS =
      Json.mapper()
          .reader()
          .with(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .with(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .without(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES);

  private static final ObjectWriter PYTHON = Json.mapper().writer().without(JsonWriteFeature.WRITE_NAN_AS_STRINGS);

  private RefusalLabels() {}

  /**
   * Where records come from.
   *
   * @param name for messages
   */
  public record Source(String name, InputStream stream) {
    /** @throws UserException when there is no such file, or it cannot be read */
    public static Source ofFile(Path file) {
      if (!Files.isRegularFile(file)) {
        throw UserException.badData(file + ": no such file");
      }
      try {
        return new Source(file.toString(), Files.newInputStream(file));
      } catch (IOException e) {
        throw AtomicFiles.cannotRead(file, e);
      }
    }
  }

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
    try (BufferedReader reader = reader(source.stream())) {
      switch (format) {
        case CSV -> labelCsv(input, reader, column, output, detector, counts);
        case JSONL -> labelLines(input, reader, column, output, detector, counts);
        case JSON -> labelArray(input, reader, column, output, detector, counts);
      }
    } catch (CharacterCodingException e) {
      throw notUnicode(input);
    }
    return counts;
  }

  private static UserException notUnicode(String input) {
    return UserException.badData(input + ": not UTF-8 text", "convert it first, e.g. with iconv");
  }

  private static void labelCsv(
      String input, BufferedReader reader, String column, Writer writer, RefusalDetector detector, Map<Behaviour, Long> counts)
      throws IOException {
    CSVFormat format = CSVFormat.RFC4180.builder().setRecordSeparator('\n').get();
    try (CSVParser parser = CSVParser.parse(reader, format)) {
      CSVPrinter printer = new CSVPrinter(writer, format); // closing it would close the caller's writer
      Iterator<CSVRecord> records = parser.iterator();
      if (!hasNext(input, records, 0)) {
        throw UserException.badData(input + ": empty file, not even a header");
      }
      List<String> header = records.next().toList();
      int at = header.indexOf(column);
      if (at < 0) {
        throw UserException.badData(
            "%s:1: no column %s; found: %s".formatted(input, column, String.join(", ", header)),
            "name the column of the completions with --column");
      }
      requireNew(input + ":1", header);
      printer.printRecord(concat(header, ADDED));
      for (long number = 1; hasNext(input, records, number); number++) {
        List<String> cells = records.next().toList();
        if (cells.size() != header.size()) {
          throw UserException.badData(
              "%s: record %d has %d cells, the header %d".formatted(input, number, cells.size(), header.size()));
        }
        RefusalVerdict verdict = detector.detect(cells.get(at));
        counts.merge(verdict.behaviour(), 1L, Long::sum);
        printer.printRecord(concat(cells, List.of(verdict.behaviour().text(), verdict.reason())));
      }
      printer.flush();
    }
  }

  private static void labelLines(
      String input, BufferedReader reader, String column, Writer writer, RefusalDetector detector, Map<Behaviour, Long> counts)
      throws IOException {
    long number = 0;
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      ObjectNode row = object(input, number, line);
      label(row, "%s:%d".formatted(input, number), column, detector, counts);
      writer.write(PYTHON.writeValueAsString(row));
      writer.write('\n');
    }
  }

  private static void labelArray(
      String input, BufferedReader reader, String column, Writer writer, RefusalDetector detector, Map<Behaviour, Long> counts)
      throws IOException {
    try (JsonParser parser = ROWS.createParser(reader)) {
      if (parser.nextToken() != JsonToken.START_ARRAY) {
        throw UserException.badData(
            input + ": not a JSON array of objects", "one object a line is the format jsonl: name the file .jsonl or give --input-format jsonl");
      }
      ObjectReader element = ROWS.without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
      long number = 0;
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
          throw UserException.badData("%s: record %d is not a JSON object".formatted(input, number + 1));
        }
        ObjectNode row = (ObjectNode) element.readTree(parser);
        number++;
        label(row, "%s: record %d".formatted(input, number), column, detector, counts);
        writer.write(number == 1 ? "[\n" : ",\n");
        writer.write(PYTHON.writeValueAsString(row));
      }
      if (parser.nextToken() != null) {
        throw UserException.badData(input + ": there is more after the array");
      }
      writer.write(number == 0 ? "[]\n" : "\n]\n");
    } catch (JsonProcessingException e) {
      throw UserException.badData(
          "%s:%d:%d: not valid JSON: %s"
              .formatted(input, e.getLocation().getLineNr(), e.getLocation().getColumnNr(), e.getOriginalMessage()));
    }
  }

  /** @param where file and record, for messages */
  private static void label(
      ObjectNode row, String where, String column, RefusalDetector detector, Map<Behaviour, Long> counts) {
    List<String> keys = new ArrayList<>();
    row.fieldNames().forEachRemaining(keys::add);
    JsonNode completion = row.get(column);
    if (completion == null || !completion.isTextual()) {
      throw UserException.badData(
          "%s: %s; found: %s"
              .formatted(
                  where,
                  completion == null ? "no key " + column : column + " is no text",
                  String.join(", ", keys)),
          "name the key of the completions with --column");
    }
    requireNew(where, keys);
    RefusalVerdict verdict = detector.detect(completion.textValue());
    counts.merge(verdict.behaviour(), 1L, Long::sum);
    row.put("label", verdict.behaviour().text());
    row.put("reason", verdict.reason());
  }

  private static ObjectNode object(String input, long number, String line) {
    try {
      if (ROWS.readTree(line) instanceof ObjectNode object) {
        return object;
      }
    } catch (JsonProcessingException e) {
      throw UserException.badData(
          "%s:%d:%d: not valid JSON: %s"
              .formatted(input, number, e.getLocation().getColumnNr(), e.getOriginalMessage()));
    }
    throw UserException.badData("%s:%d: not a JSON object".formatted(input, number));
  }

  private static void requireNew(String where, List<String> columns) {
    for (String added : ADDED) {
      if (columns.contains(added)) {
        throw UserException.badData(
            "%s: there is a column %s already".formatted(where, added), "rename or remove it first");
      }
    }
  }

  private static boolean hasNext(String input, Iterator<CSVRecord> records, long number) {
    try {
      return records.hasNext();
    } catch (UncheckedIOException | IllegalStateException e) {
      if (e.getCause() instanceof CharacterCodingException) {
        throw notUnicode(input);
      }
      throw UserException.badData(
          "%s: record %d is not valid CSV: %s".formatted(input, number, e.getMessage()),
          "look for a quote that is opened and never closed");
    }
  }

  /** Without the byte order mark that some programs write. */
  private static BufferedReader reader(InputStream stream) throws IOException {
    BufferedReader reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8.newDecoder()));
    reader.mark(1);
    if (reader.read() != '\uFEFF') {
      reader.reset();
    }
    return reader;
  }

  private static List<String> concat(List<String> first, List<String> second) {
    List<String> all = new ArrayList<>(first);
    all.addAll(second);
    return all;
  }
}
