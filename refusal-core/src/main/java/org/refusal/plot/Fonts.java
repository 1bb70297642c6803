package org.refusal.plot;

import java.awt.Font;
import java.awt.FontFormatException;
import java.io.IOException;
import java.io.InputStream;
import org.apache.pdfbox.pdmodel.PDDocument;

/** The typeface of all charts: Liberation Sans, which PDFBox brings along (SIL Open Font License). */
public final class Fonts {
  /** Where the TrueType file lies on the class path. */
  public static final String RESOURCE = "/org/apache/pdfbox/resources/ttf/LiberationSans-Regular.ttf";

  public static final String FAMILY = "Liberation Sans";

  private Fonts() {}

  private static final class Holder {
    static final Font REGULAR = load();
  }

  public static Font regular(double points) {
    return Holder.REGULAR.deriveFont((float) points);
  }

  private static Font load() {
    System.setProperty("java.awt.headless", System.getProperty("java.awt.headless", "true"));
    try (InputStream in = PDDocument.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IllegalStateException("font is missing from the class path: " + RESOURCE);
      }
      return Font.createFont(Font.TRUETYPE_FONT, in);
    } catch (IOException | FontFormatException e) {
      throw new IllegalStateException("font cannot be read: " + RESOURCE, e);
    }
  }
}
