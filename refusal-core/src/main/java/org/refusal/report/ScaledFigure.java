package org.refusal.report;

import java.awt.Graphics2D;
import java.awt.geom.AffineTransform;
import java.util.List;
import org.refusal.plot.Figure;

/** A figure made as large as fits into a page of the given size; proportions stay. */
public record ScaledFigure(Figure figure, List<Double> inches) implements Figure {

  private double scale() {
    return Math.min(inches.get(0) * 72 / figure.width(), inches.get(1) * 72 / figure.height());
  }

  @Override
  public double width() {
    return figure.width() * scale();
  }

  @Override
  public double height() {
    return figure.height() * scale();
  }

  @Override
  public void draw(Graphics2D canvas) {
    AffineTransform before = canvas.getTransform();
    canvas.scale(scale(), scale());
    figure.draw(canvas);
    canvas.setTransform(before);
  }
}
