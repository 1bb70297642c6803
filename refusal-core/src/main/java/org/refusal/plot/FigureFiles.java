package org.refusal.plot;

import de.erichseifert.vectorgraphics2d.VectorGraphics2D;
import de.erichseifert.vectorgraphics2d.intermediate.CommandSequence;
import de.erichseifert.vectorgraphics2d.svg.SVGProcessor;
import de.erichseifert.vectorgraphics2d.util.PageSize;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.refusal.base.AtomicFiles;

/** Writes figures as PNG and SVG. */
public final class FigureFiles {
  private static final double POINTS_PER_INCH = 72;

  static {
    ImageIO.setUseCache(false); // no file in $TMPDIR, which may be full
  }

  private FigureFiles() {}

  /** Writes {@code stem.png} and {@code stem.svg} in the folder. */
  public static List<Path> write(Figure figure, Path folder, String stem, int dpi) {
    Path png = folder.resolve(stem + ".png");
    Path svg = folder.resolve(stem + ".svg");
    AtomicFiles.write(png, out -> {
      if (!ImageIO.write(image(figure, dpi), "png", out)) {
        throw new IOException("this Java runtime writes no PNG");
      }
    });
    byte[] drawn = svg(figure);
    AtomicFiles.write(svg, out -> out.write(drawn));
    return List.of(png, svg);
  }

  private static byte[] svg(Figure figure) {
    VectorGraphics2D canvas = new VectorGraphics2D();
    figure.draw(canvas);
    CommandSequence commands = canvas.getCommands();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      new SVGProcessor().getDocument(commands, new PageSize(figure.width(), figure.height())).writeTo(out);
    } catch (IOException e) {
      throw new UncheckedIOException("memory takes every byte", e);
    }
    String text = out.toString(StandardCharsets.UTF_8).replace(System.lineSeparator(), "\n"); // the library ends lines as the machine does
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static BufferedImage image(Figure figure, int dpi) {
    double scale = dpi / POINTS_PER_INCH;
    BufferedImage image =
        new BufferedImage(
            (int) Math.ceil(figure.width() * scale),
            (int) Math.ceil(figure.height() * scale),
            BufferedImage.TYPE_INT_RGB);
    Graphics2D canvas = image.createGraphics();
    try {
      canvas.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      canvas.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
      canvas.setRenderingHint(RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
      canvas.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
      canvas.scale(image.getWidth() / figure.width(), image.getHeight() / figure.height()); // no half-covered edges
      figure.draw(canvas);
    } finally {
      canvas.dispose();
    }
    return image;
  }
}
