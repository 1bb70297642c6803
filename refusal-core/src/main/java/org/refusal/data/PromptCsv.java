package org.refusal.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.io.CsvReader;

/** The records of one file of prompts, cells untouched; every complaint names file, line and record. */
final class PromptCsv {
  private static final String FIRST_LINE = "the first line must be: prompt,category";

  private PromptCsv() {}

  /**
   * @param record from 1, the header not counted
   * @param line where the record begins, from 1
   */
  record Row(String prompt, String category, int record, long line) {}

  static List<Row> read(Path file) {
    try (CsvReader csv = new CsvReader(file.toString(), Files.newInputStream(file))) {
      CsvReader.Row header = csv.next();
      if (header == null) {
        throw UserException.badData(file + ": empty file, not even a header", "expected the columns prompt,category");
      }
      int prompt = csv.column(header, "prompt", FIRST_LINE);
      int category = csv.column(header, "category", FIRST_LINE);
      List<Row> rows = new ArrayList<>();
      for (CsvReader.Row row = csv.next(); row != null; row = csv.next()) {
        csv.requireWidth(row, header);
        rows.add(new Row(row.cells().get(prompt), row.cells().get(category), row.number(), row.line()));
      }
      return rows;
    } catch (NoSuchFileException e) {
      throw UserException.badData(file + ": " + AtomicFiles.missing(file));
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(file, e);
    }
  }
}
