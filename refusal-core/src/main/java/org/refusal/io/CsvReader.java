package org.refusal.io;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.base.Utf8Reader;

/**
 * CSV in UTF-8 as RFC 4180 has it, record by record, with the text as it stands: cells in double quotes may hold commas, line
 * ends and quotes written twice; lines end in LF, CRLF or CR; empty lines are no records; a quote inside a cell that does not
 * begin with one is a character. Whatever else is done with quotes is an error that names file, line and record.
 */
public final class CsvReader implements AutoCloseable {
  private static final int END = -1;
  private static final String TWICE = "a quote inside a cell in double quotes is written twice (\"\"), not \\\"";

  private final String name;
  private final Utf8Reader text;
  private final char[] buffer = new char[1 << 14];
  private int at;
  private int filled;
  private long line = 1;
  private int number = -1;
  private StringBuilder raw = new StringBuilder();

  /**
   * A record.
   *
   * @param number from 1; the first record of the text, the header, is 0
   * @param line where it begins, from 1
   * @param raw as it stands in the text, with the empty lines before it and the end of its line
   */
  public record Row(List<String> cells, int number, long line, String raw) {
    public Row {
      cells = List.copyOf(cells);
    }
  }

  /** @param name how messages call the text */
  public CsvReader(String name, InputStream stream) {
    this.name = name;
    this.text = new Utf8Reader(stream);
  }

  /**
   * The next record, or null after the last; what stood after that is {@link #rest}.
   *
   * @throws UserException not UTF-8, or quotes that are none of CSV
   */
  public Row next() {
    raw = new StringBuilder();
    try {
      if (number < 0 && line == 1 && peek() == '\uFEFF') {
        take();
      }
      while (peek() == '\n' || peek() == '\r') {
        takeLineEnd();
      }
      if (peek() == END) {
        return null;
      }
      number++;
      long begin = line;
      List<String> cells = new ArrayList<>();
      boolean escaped = false;
      do {
        boolean isQuoted = peek() == '"';
        String cell = isQuoted ? quoted(begin) : plain();
        if (escaped && !isQuoted && cell.indexOf('"') >= 0) {
          throw UserException.badData(place(begin, number) + ": not valid CSV: a cell in double quotes is closed by \\\"", TWICE);
        }
        escaped |= isQuoted && cell.endsWith("\\");
        cells.add(cell);
      } while (takeComma());
      if (peek() != END) {
        takeLineEnd();
      }
      return new Row(cells, number, begin, raw.toString());
    } catch (Utf8Reader.NotUtf8 e) {
      throw UserException.badData("%s:%d: %s".formatted(name, e.line(), e.getMessage()), e.advice());
    } catch (IOException e) {
      throw UserException.environment(name + ": cannot be read: " + AtomicFiles.reason(e), "check that you may read it");
    }
  }

  /** Empty lines after the last record. */
  public String rest() {
    return raw.toString();
  }

  /** The place of a record for messages: {@code FILE:LINE: record N} or {@code FILE:LINE: the header}. */
  public String place(long begin, int record) {
    return "%s:%d: %s".formatted(name, begin, record == 0 ? "the header" : "record " + record);
  }

  /**
   * The column of a name in a header; blanks around names do not count.
   *
   * @throws UserException there is none of the name, or more than one
   */
  public int column(Row header, String column, String advice) {
    List<String> names = header.cells().stream().map(String::strip).toList();
    int first = names.indexOf(column);
    if (first < 0) {
      String found = String.join(", ", names);
      throw UserException.badData(
          "%s:%d: no column %s; found: %s".formatted(name, header.line(), column, found), separatorAdvice(names, advice));
    }
    if (names.lastIndexOf(column) != first) {
      throw UserException.badData(
          "%s:%d: column %s stands there twice".formatted(name, header.line(), column), "rename or remove one of them");
    }
    return first;
  }

  /** @throws UserException the record has not as many cells as the header */
  public void requireWidth(Row row, Row header) {
    if (row.cells().size() != header.cells().size()) {
      throw UserException.badData(
          "%s has %d cells, the header %d"
              .formatted(place(row.line(), row.number()), row.cells().size(), header.cells().size()),
          "a text with commas, quotes or line breaks must stand in double quotes");
    }
  }

  private static String separatorAdvice(List<String> names, String otherwise) {
    if (names.size() == 1) {
      if (names.get(0).contains(";")) {
        return "its columns are separated by semicolons: save it with commas";
      }
      if (names.get(0).contains("\t")) {
        return "its columns are separated by tabs: save it with commas";
      }
      if (names.get(0).contains("|")) {
        return "its columns are separated by |: save it with commas";
      }
    }
    return otherwise;
  }

  private String plain() throws IOException {
    StringBuilder cell = new StringBuilder();
    for (int c = peek(); c != ',' && c != '\n' && c != '\r' && c != END; c = peek()) {
      cell.append(take());
    }
    return cell.toString();
  }

  private String quoted(long begin) throws IOException {
    long opened = line;
    StringBuilder cell = new StringBuilder();
    boolean backslash = false;
    take();
    while (true) {
      int c = peek();
      if (c == END) {
        throw UserException.badData(
            "%s: a quote is opened%s and never closed"
                .formatted(place(begin, number), opened == begin ? "" : " in line " + opened),
            backslash ? TWICE : "close it; " + TWICE);
      }
      if (c != '"') {
        if (c == '\n' || c == '\r') {
          cell.append(takeLineEnd());
        } else {
          cell.append(take());
        }
        continue;
      }
      take();
      if (peek() == '"') {
        cell.append(take());
        continue;
      }
      if (!cell.isEmpty() && cell.charAt(cell.length() - 1) == '\\') {
        backslash = true;
      }
      int after = peek();
      if (after == ',' || after == '\n' || after == '\r' || after == END) {
        return cell.toString();
      }
      throw UserException.badData(
          "%s: not valid CSV: after the quote that closes a cell%s stands %s"
              .formatted(
                  place(begin, number),
                  line == begin ? "" : " in line " + line,
                  after == ' ' || after == '\t' ? "a blank" : "'" + (char) after + "'"),
          after == ' ' || after == '\t' ? "remove the blanks between quotes and commas; " + TWICE : TWICE);
    }
  }

  private boolean takeComma() throws IOException {
    if (peek() != ',') {
      return false;
    }
    take();
    return true;
  }

  private String takeLineEnd() throws IOException {
    StringBuilder end = new StringBuilder();
    if (peek() == '\r') {
      end.append(take());
    }
    if (peek() == '\n') {
      end.append(take());
    }
    line++;
    return end.toString();
  }

  private int peek() throws IOException {
    if (at == filled) {
      filled = Math.max(0, text.read(buffer, 0, buffer.length));
      at = 0;
    }
    return filled == 0 ? END : buffer[at];
  }

  private char take() {
    char c = buffer[at++];
    raw.append(c);
    return c;
  }

  @Override
  public void close() {
    try {
      text.close();
    } catch (IOException e) {
      throw UserException.environment(name + ": cannot be read: " + AtomicFiles.reason(e), "check that you may read it");
    }
  }
}
