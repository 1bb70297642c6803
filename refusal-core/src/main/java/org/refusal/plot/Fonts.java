package org.refusal.plot;

import java.awt.Font;
import java.awt.FontFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Objects;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;

/** The typeface of all charts: Liberation Sans, which PDFBox brings along (SIL Open Font License). */
public final class Fonts {
  /** Where the TrueType file lies on the class path. */
  public static final String RESOURCE = "/org/apache/pdfbox/resources/ttf/LiberationSans-Regular.ttf";

  public static final String FAMILY = "Liberation Sans";

  private Fonts() {}

  private static Font regular;

  /**
   * The typeface in a size.
   *
   * @throws UserException of the environment if this Java cannot read fonts: some need libraries of the system for it
   */
  public static synchronized Font regular(double points) {
    if (regular == null) {
      System.setProperty("java.awt.headless", System.getProperty("java.awt.headless", "true"));
      try (InputStream in = PDDocument.class.getResourceAsStream(RESOURCE)) {
        regular = read(Objects.requireNonNull(in, RESOURCE + " is missing from the class path"));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return regular.deriveFont((float) points);
  }

  static Font read(InputStream in) {
    try {
      return Font.createFont(Font.TRUETYPE_FONT, in);
    } catch (IOException | FontFormatException | LinkageError e) {
      throw new UserException(
          ExitCode.ENVIRONMENT,
          "this Java (%s) cannot read fonts, so that no chart can be drawn: %s"
              .formatted(System.getProperty("java.home"), e.getMessage()),
          "install libfreetype and fontconfig, or set JAVA_HOME to a Java 17 that brings them along, such as Eclipse Temurin",
          e);
    }
  }
}
