package org.refusal.report;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.refusal.plot.Figure;
import org.refusal.plot.FigureFiles;

/** The report while it grows: its text, and the figures drawn for it. */
public final class ReportPage {
  private final Markdown text = new Markdown();
  private final Path document;
  private final Path figures;
  private final List<Path> drawn = new ArrayList<>();
  private String heading;

  /**
   * @param document folder of the report; pictures are named from there
   * @param figures folder of the pictures, or null when there are to be none
   */
  public ReportPage(Path document, Path figures) {
    this.document = document.toAbsolutePath().normalize();
    this.figures = figures;
  }

  /** The text so far, for what comes next: a section's heading stands once something is written below it. */
  public Markdown text() {
    if (heading != null) {
      text.heading(2, heading);
      heading = null;
    }
    return text;
  }

  /** @param heading of the section that begins, or null where none does */
  void begin(String heading) {
    this.heading = heading;
  }

  public String markdown() {
    return text.toString();
  }

  /** Draws the figure and shows it here. */
  void figure(String stem, String caption, Figure figure) {
    if (figures == null) {
      return;
    }
    List<Path> files = FigureFiles.write(figure, figures, stem, Renderer.PICTURE_DPI);
    drawn.addAll(files);
    String name = document.relativize(files.get(0).toAbsolutePath().normalize()).toString().replace('\\', '/');
    text().picture(caption, name);
    text.paragraph("*" + caption + "*");
  }

  public List<Path> drawn() {
    return List.copyOf(drawn);
  }
}
