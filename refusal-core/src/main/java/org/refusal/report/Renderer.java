package org.refusal.report;

import com.openhtmltopdf.pdfboxout.PdfBoxRenderer;
import com.openhtmltopdf.pdfboxout.PdfRendererBuilder;
import com.openhtmltopdf.util.XRLog;
import com.vladsch.flexmark.ext.anchorlink.AnchorLinkExtension;
import com.vladsch.flexmark.ext.tables.TablesExtension;
import com.vladsch.flexmark.ext.toc.TocExtension;
import com.vladsch.flexmark.html.HtmlRenderer;
import com.vladsch.flexmark.parser.Parser;
import com.vladsch.flexmark.util.data.MutableDataSet;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.logging.Level;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.pdfbox.pdfwriter.compress.CompressParameters;
import org.apache.pdfbox.pdmodel.PDDocument;
import org.refusal.base.AtomicFiles;
import org.refusal.base.Digests;
import org.refusal.base.FileNames;
import org.refusal.base.UserException;
import org.refusal.plot.Fonts;

/** Markdown to HTML and PDF. Pictures are embedded, so that each result is one file that can be sent to someone. */
public final class Renderer {
  /** Pictures are shown in the size that they have at this resolution. */
  public static final int PICTURE_DPI = 150;

  private static final double CSS_DPI = 96;
  /** What fits between the margins of a printed page, CSS pixels. */
  private static final long WIDEST = 640;
  /** So high that two pictures and their captions fit a printed page, CSS pixels. */
  private static final long TALLEST = 425;
  private static final Pattern PICTURE = Pattern.compile("<img src=\"([^\"]+)\"");
  private static final String STYLE = resource("report.css");

  private Renderer() {}

  /**
   * @param folder where the pictures' names begin
   * @return a complete page (XHTML, so that the PDF writer reads it too)
   */
  public static String html(String title, String markdown, Path folder) {
    MutableDataSet options = new MutableDataSet();
    options.set(
        Parser.EXTENSIONS, List.of(TablesExtension.create(), TocExtension.create(), AnchorLinkExtension.create()));
    options.set(AnchorLinkExtension.ANCHORLINKS_WRAP_TEXT, false);
    options.set(AnchorLinkExtension.ANCHORLINKS_ANCHOR_CLASS, "anchor");
    options.set(HtmlRenderer.ESCAPE_HTML, true);
    String body =
        HtmlRenderer.builder(options).build().render(Parser.builder(options).build().parse(markdown));
    return """
        <!DOCTYPE html>
        <html xmlns="http://www.w3.org/1999/xhtml" lang="en">
        <head>
        <meta charset="UTF-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <title>%s</title>
        <style>
        %s
        </style>
        </head>
        <body>
        %s
        </body>
        </html>
        """
        .formatted(escape(title), STYLE, embedPictures(body, folder));
  }

  /**
   * Writes a page made by {@link #html} as PDF, with the fonts embedded. The same page gives the same bytes: the file
   * bears no date, and its identifier is derived from the page.
   */
  public static void pdf(String html, OutputStream out) throws IOException {
    XRLog.listRegisteredLoggers().forEach(logger -> XRLog.setLevel(logger, Level.WARNING));
    PdfRendererBuilder builder = new PdfRendererBuilder();
    builder.useFastMode();
    builder.useFont(() -> PDDocument.class.getResourceAsStream(Fonts.RESOURCE), Fonts.FAMILY);
    builder.withProducer("refusal");
    builder.withHtmlContent(html, null);
    try (PdfBoxRenderer renderer = builder.buildPdfRenderer()) {
      renderer.createPDFWithoutClosing();
      PDDocument document = renderer.getPdfDocument();
      document.getDocumentInformation().setCreationDate(null);
      document.setDocumentId(
          Long.parseUnsignedLong(Digests.sha256(html).substring(0, 16), 16));
      document.save(out, CompressParameters.NO_COMPRESSION); // object streams come in an order of their own
    }
  }

  private static String embedPictures(String body, Path folder) {
    Matcher matcher = PICTURE.matcher(body);
    StringBuilder embedded = new StringBuilder();
    while (matcher.find()) {
      Path file = folder.resolve(FileNames.read(matcher.group(1)).orElse(matcher.group(1))).normalize();
      byte[] picture;
      try {
        picture = Files.readAllBytes(file);
      } catch (NoSuchFileException e) {
        throw UserException.badData(file + ": the report shows this picture, but it is not there", "run report again");
      } catch (IOException e) {
        throw AtomicFiles.cannotRead(file, e);
      }
      String data = Base64.getEncoder().encodeToString(picture);
      matcher.appendReplacement(
          embedded,
          "<img style=\"max-width: %dpx\" src=\"data:image/png;base64,%s\""
              .formatted(shownWidth(file, picture), data));
    }
    return matcher.appendTail(embedded).toString();
  }

  /** In CSS pixels; width and height stand in bytes 16 to 23 of a PNG. */
  private static long shownWidth(Path file, byte[] png) {
    if (png.length < 24 || png[1] != 'P' || png[2] != 'N' || png[3] != 'G') {
      throw UserException.badData(file + ": is no PNG");
    }
    double width = ByteBuffer.wrap(png).getInt(16);
    double height = ByteBuffer.wrap(png).getInt(20);
    double shown = Math.min(width * CSS_DPI / PICTURE_DPI, TALLEST * width / height);
    return Math.min(WIDEST, Math.max(1, Math.round(shown)));
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }

  private static String resource(String name) {
    try (InputStream in = Renderer.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("missing from the class path: " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
