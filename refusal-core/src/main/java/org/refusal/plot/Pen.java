package org.refusal.plot;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.font.FontRenderContext;
import java.awt.geom.AffineTransform;
import java.awt.geom.Line2D;
import java.awt.geom.Rectangle2D;

/** Drawing in points on a canvas: texts measured and placed the same way for bitmaps and vectors. */
final class Pen {
  private static final FontRenderContext METRICS = new FontRenderContext(new AffineTransform(), true, true);

  private final Graphics2D canvas;

  Pen(Graphics2D canvas) {
    this.canvas = canvas;
  }

  static double textWidth(String text, double points) {
    return Fonts.regular(points).getStringBounds(text, METRICS).getWidth();
  }

  void fill(Color color, double x, double y, double width, double height) {
    canvas.setColor(color);
    canvas.fill(new Rectangle2D.Double(x, y, width, height));
  }

  void frame(Color color, double x, double y, double width, double height) {
    canvas.setColor(color);
    canvas.setStroke(new BasicStroke(0.8f));
    canvas.draw(new Rectangle2D.Double(x, y, width, height));
  }

  void line(Color color, double thickness, double x1, double y1, double x2, double y2) {
    canvas.setColor(color);
    canvas.setStroke(new BasicStroke((float) thickness, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
    canvas.draw(new Line2D.Double(x1, y1, x2, y2));
  }

  /** @param anchor 0 begins at x, 0.5 is centred on x, 1 ends at x; y is the vertical middle of the text */
  void text(String text, Color color, double points, double x, double y, double anchor) {
    Font font = Fonts.regular(points);
    canvas.setFont(font);
    canvas.setColor(color);
    canvas.drawString(text, (float) (x - textWidth(text, points) * anchor), (float) (y + points * 0.36));
  }

  /** As {@link #text}, turned about (x, y). */
  void turnedText(String text, Color color, double points, double x, double y, double anchor, double degrees) {
    AffineTransform before = canvas.getTransform();
    canvas.translate(x, y);
    canvas.rotate(Math.toRadians(degrees));
    text(text, color, points, 0, 0, anchor);
    canvas.setTransform(before);
  }
}
