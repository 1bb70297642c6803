package org.refusal.data;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.refusal.base.UserException;

/** The records of one file of prompts, cells untouched; every complaint names file, line and record. */
final class PromptCsv {
  private static final CSVFormat FORMAT = CSVFormat.RFC4180.builder().setIgnoreEmptyLines(true).get();

  private PromptCsv() {}

  /**
   * @param record from 1, the header not counted
   * @param line where the record begins, from 1
   */
  record Row(String prompt, String category, int record, long line) {}

  static List<Row> read(Path file) {
    try (Reader reader = open(file);
        CSVParser parser = CSVParser.parse(reader, FORMAT)) {
      Iterator<CSVRecord> records = parser.iterator();
      if (!next(file, parser, records, 0)) {
        throw UserException.badData(file + ": empty file, not even a header", "expected the columns prompt,category");
      }
      CSVRecord header = records.next();
      int prompt = column(file, header, "prompt");
      int category = column(file, header, "category");
      List<Row> rows = new ArrayList<>();
      while (true) {
        int number = rows.size() + 1;
        long line = parser.getCurrentLineNumber() + 1;
        if (!next(file, parser, records, number)) {
          return rows;
        }
        CSVRecord cells = records.next();
        if (cells.size() != header.size()) {
          throw UserException.badData(
              "%s:%d: record %d has %d cells, the header %d"
                  .formatted(file, line, number, cells.size(), header.size()),
              "a text with commas, quotes or line breaks must stand in double quotes");
        }
        rows.add(new Row(cells.get(prompt), cells.get(category), number, line));
      }
    } catch (NoSuchFileException e) {
      throw UserException.badData(file + ": no such file");
    } catch (CharacterCodingException e) {
      throw UserException.badData(file + ": not UTF-8");
    } catch (IOException e) {
      throw UserException.badData(file + ": cannot be read: " + e.getMessage());
    }
  }

  private static Reader open(Path file) throws IOException {
    BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                Files.newInputStream(file),
                StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)));
    reader.mark(1);
    if (reader.read() != '\uFEFF') {
      reader.reset();
    }
    return reader;
  }

  private static boolean next(Path file, CSVParser parser, Iterator<CSVRecord> records, int number)
      throws IOException {
    long line = parser.getCurrentLineNumber() + 1;
    try {
      return records.hasNext();
    } catch (UncheckedIOException | IllegalStateException e) {
      if (e.getCause() instanceof CharacterCodingException coding) {
        throw coding;
      }
      String where = number == 0 ? "the header" : "record " + number;
      String what = String.valueOf(e.getMessage());
      throw UserException.badData(
          "%s:%d: %s: %s"
              .formatted(
                  file,
                  line,
                  where,
                  what.contains("EOF") ? "a quote is opened and never closed" : "not valid CSV: " + what));
    }
  }

  private static int column(Path file, CSVRecord header, String name) {
    for (int i = 0; i < header.size(); i++) {
      if (header.get(i).strip().equals(name)) {
        return i;
      }
    }
    throw UserException.badData(
        "%s:1: no column %s; found: %s".formatted(file, name, String.join(", ", header.values())),
        "the first line must be: prompt,category");
  }
}
