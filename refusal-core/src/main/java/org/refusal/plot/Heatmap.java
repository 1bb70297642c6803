package org.refusal.plot;

import java.awt.Color;
import java.awt.Graphics2D;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * A labelled matrix of coloured cells with the value in each. Values that are not finite are drawn as a grey cell with
 * a dash: not defined is not zero.
 *
 * @param values {@code [rows][columns]}
 * @param scaleTitle what the colours mean, with unit
 */
public record Heatmap(
    String title,
    String rowTitle,
    String columnTitle,
    List<String> rows,
    List<String> columns,
    double[][] values,
    ColorScale scale,
    String scaleTitle,
    Theme theme)
    implements Figure {
  private static final double CELL = 38;
  private static final double LABEL = 10;
  private static final double MARGIN = 14;
  private static final double BAR = 70;
  private static final double SHORTEST_SCALE = 90;
  private static final Color UNDEFINED = new Color(0xCFCFCF);

  public Heatmap {
    if (values.length != rows.size() || Stream.of(values).anyMatch(row -> row.length != columns.size())) {
      throw new IllegalArgumentException("values and labels differ in size");
    }
  }

  private double labelWidth() {
    return rows.stream().mapToDouble(row -> Pen.textWidth(row, LABEL)).max().orElse(0) + 8;
  }

  private double left() {
    return MARGIN + (rowTitle.isEmpty() ? 0 : 18) + labelWidth();
  }

  private double top() {
    return MARGIN + 30;
  }

  private double columnLabelHeight() {
    double longest = columns.stream().mapToDouble(column -> Pen.textWidth(column, LABEL)).max().orElse(0);
    return longest * 0.72 + 16;
  }

  @Override
  public double width() {
    double body = left() + columns.size() * CELL + BAR + MARGIN;
    return Math.max(body, Pen.textWidth(title, 13) + 2 * MARGIN);
  }

  @Override
  public double height() {
    double body = rows.size() * CELL + columnLabelHeight() + (columnTitle.isEmpty() ? 0 : 18);
    return top() + Math.max(body, SHORTEST_SCALE + 8) + MARGIN;
  }

  @Override
  public void draw(Graphics2D canvas) {
    Pen pen = new Pen(canvas);
    pen.fill(theme.background(), 0, 0, width(), height());
    pen.text(title, theme.ink(), 13, MARGIN, MARGIN + 6, 0);
    double left = left();
    double top = top();
    for (int row = 0; row < rows.size(); row++) {
      pen.text(rows.get(row), theme.ink(), LABEL, left - 6, top + (row + 0.5) * CELL, 1);
      for (int column = 0; column < columns.size(); column++) {
        drawCell(pen, values[row][column], left + column * CELL, top + row * CELL);
      }
    }
    double bottom = top + rows.size() * CELL;
    for (int column = 0; column < columns.size(); column++) {
      pen.turnedText(
          columns.get(column), theme.ink(), LABEL, left + (column + 0.55) * CELL, bottom + 8, 1, -45);
    }
    if (!rowTitle.isEmpty()) {
      pen.turnedText(rowTitle, theme.ink(), 11, MARGIN + 4, top + rows.size() * CELL / 2, 0.5, -90);
    }
    if (!columnTitle.isEmpty()) {
      pen.text(columnTitle, theme.ink(), 11, left + columns.size() * CELL / 2, bottom + columnLabelHeight() + 9, 0.5);
    }
    drawScale(pen, left + columns.size() * CELL + 18, top);
  }

  private void drawCell(Pen pen, double value, double x, double y) {
    Color color = Double.isFinite(value) ? scale.at(value) : UNDEFINED;
    pen.fill(color, x, y, CELL - 1, CELL - 1);
    String text = Double.isFinite(value) ? number(value) : "–";
    pen.text(text, ColorScale.inkOn(color), 9.5, x + (CELL - 1) / 2, y + (CELL - 1) / 2, 0.5);
  }

  private void drawScale(Pen pen, double x, double top) {
    double height = Math.max(SHORTEST_SCALE, rows.size() * CELL - 1);
    int steps = 60;
    for (int i = 0; i < steps; i++) {
      double value = scale.high() - (scale.high() - scale.low()) * (i + 0.5) / steps;
      pen.fill(scale.at(value), x, top + height * i / steps, 12, height / steps + 0.6);
    }
    for (int tick = 0; tick <= 4; tick++) {
      double value = scale.low() + (scale.high() - scale.low()) * tick / 4;
      pen.text(number(value), theme.ink(), 9, x + 16, top + height * (4 - tick) / 4.0, 0);
    }
    pen.turnedText(scaleTitle, theme.ink(), 9.5, x + 48, top + height / 2, 0.5, 90);
  }

  /** Two decimals, without a negative zero. */
  static String number(double value) {
    String text = String.format(Locale.ROOT, "%.2f", value);
    return text.equals("-0.00") ? "0.00" : text;
  }
}
