package org.refusal.report;

import java.util.List;
import java.util.stream.Collectors;
import org.refusal.base.FileNames;

/** Puts a Markdown document together: headings, paragraphs, lists, tables, pictures. Texts are escaped as needed. */
public final class Markdown {
  private final StringBuilder text = new StringBuilder();

  public Markdown heading(int level, String title) {
    blankLine();
    text.append("#".repeat(level)).append(' ').append(escape(title)).append('\n');
    return this;
  }

  /** A paragraph that may hold Markdown of its own. */
  public Markdown paragraph(String markdown) {
    blankLine();
    text.append(markdown).append('\n');
    return this;
  }

  /** A quotation: a first paragraph and points below it; both may hold Markdown of their own. */
  public Markdown quote(String lead, List<String> points) {
    blankLine();
    text.append("> ").append(lead).append('\n');
    if (!points.isEmpty()) {
      text.append(">\n");
      points.forEach(point -> text.append("> - ").append(point).append('\n'));
    }
    return this;
  }

  public Markdown list(List<String> items) {
    blankLine();
    items.forEach(item -> text.append("- ").append(item).append('\n'));
    return this;
  }

  /** Columns whose cells are numbers throughout are aligned to the right. */
  public Markdown table(List<String> header, List<List<String>> rows) {
    blankLine();
    text.append(row(header));
    for (int column = 0; column < header.size(); column++) {
      int at = column;
      boolean numbers =
          !rows.isEmpty() && rows.stream().map(row -> row.get(at)).allMatch(cell -> cell.matches("[-+–.0-9 %\\[\\],()<]*"));
      text.append(column == 0 ? "|" : "").append(numbers ? "---:|" : "---|");
    }
    text.append('\n');
    rows.forEach(row -> text.append(row(row)));
    return this;
  }

  /** @param file relative to the document */
  public Markdown picture(String caption, String file) {
    blankLine();
    text.append("![").append(escape(caption)).append("](").append(address(file)).append(")\n");
    return this;
  }

  private static String address(String file) {
    StringBuilder address = new StringBuilder();
    file.codePoints().forEach(c -> {
      boolean plain = c < 128 && (Character.isLetterOrDigit(c) || "/._-~".indexOf(c) >= 0);
      address.append(plain ? Character.toString(c) : FileNames.escaped(Character.toString(c)));
    });
    return address.toString();
  }

  @Override
  public String toString() {
    return text.toString();
  }

  /** Makes the characters that Markdown would act on stand for themselves. */
  public static String escape(String plain) {
    return plain.replaceAll("([\\\\`*_{}\\[\\]<>#|])", "\\\\$1").replace("\n", " ");
  }

  private static String row(List<String> cells) {
    return cells.stream().map(cell -> cell.replace("|", "\\|").replace("\n", " "))
        .collect(Collectors.joining(" | ", "| ", " |\n"));
  }

  private void blankLine() {
    if (!text.isEmpty()) {
      text.append('\n');
    }
  }
}
