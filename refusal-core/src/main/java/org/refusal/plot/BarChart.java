package org.refusal.plot;

import java.awt.Graphics2D;
import java.util.List;
import java.util.Locale;

/**
 * Groups of bars, each with an optional interval.
 *
 * @param reference height of a dashed line; NaN for none
 */
public record BarChart(
    String title, String yTitle, List<String> groups, List<Bars> bars, double reference, Theme theme)
    implements Figure {
  private static final double MARGIN = 14;
  private static final double PLOT_HEIGHT = 240;

  /** One bar in every group; {@code low} and {@code high} are null when there are no intervals. */
  public record Bars(String name, double[] values, double[] low, double[] high) {
    public Bars(String name, double[] values) {
      this(name, values, null, null);
    }
  }

  public BarChart {
    for (Bars each : bars) {
      if (each.values().length != groups.size()) {
        throw new IllegalArgumentException("bars '" + each.name() + "' and groups differ in number");
      }
    }
  }

  private double groupWidth() {
    return Math.max(Math.max(44, bars.size() * 16 + 14), 260.0 / Math.max(1, groups.size()));
  }

  private double legendWidth() {
    return bars.size() < 2 ? 0 : 30 + bars.stream().mapToDouble(b -> Pen.textWidth(b.name(), 10)).max().orElse(0);
  }

  private double labelHeight() {
    return groups.stream().mapToDouble(group -> Pen.textWidth(group, 10)).max().orElse(0) * 0.72 + 20;
  }

  @Override
  public double width() {
    double body = MARGIN * 2 + 60 + groups.size() * groupWidth() + legendWidth();
    return Math.max(body, Pen.textWidth(title, 13) + 2 * MARGIN);
  }

  @Override
  public double height() {
    return MARGIN * 2 + 30 + PLOT_HEIGHT + labelHeight();
  }

  @Override
  public void draw(Graphics2D canvas) {
    Pen pen = new Pen(canvas);
    pen.fill(theme.background(), 0, 0, width(), height());
    pen.text(title, theme.ink(), 13, MARGIN, MARGIN + 6, 0);
    double left = MARGIN + 60;
    double top = MARGIN + 30;
    double bottom = top + PLOT_HEIGHT;
    double right = left + groups.size() * groupWidth();
    double low = Math.min(0, lowest());
    double high = Math.max(highest(), low + 1e-9);
    double step = niceStep((high - low) / 5);
    double floor = Math.floor(low / step) * step;
    double ceiling = Math.ceil(high / step - 1e-9) * step;
    double scale = PLOT_HEIGHT / (ceiling - floor);
    for (double value = floor; value <= ceiling + step / 2; value += step) {
      double y = bottom - (value - floor) * scale;
      pen.line(theme.faint(), 0.7, left, y, right, y);
      pen.text(tick(value, step), theme.ink(), 9.5, left - 6, y, 1);
    }
    pen.turnedText(yTitle, theme.ink(), 11, MARGIN + 4, (top + bottom) / 2, 0.5, -90);
    double zero = bottom + floor * scale;
    for (int group = 0; group < groups.size(); group++) {
      double start = left + group * groupWidth();
      double barWidth = (groupWidth() - 14) / bars.size();
      for (int i = 0; i < bars.size(); i++) {
        drawBar(pen, i, group, start + 7 + i * barWidth, barWidth, zero, scale);
      }
      pen.turnedText(groups.get(group), theme.ink(), 10, start + groupWidth() / 2 + 3, bottom + 10, 1, -45);
    }
    if (!Double.isNaN(reference)) {
      double y = zero - reference * scale;
      for (double x = left; x < right; x += 8) {
        pen.line(theme.ink(), 1, x, y, Math.min(right, x + 4), y);
      }
    }
    for (int i = 0; bars.size() > 1 && i < bars.size(); i++) {
      pen.fill(theme.color(i), right + 14, top + 4 + i * 18, 10, 10);
      pen.text(bars.get(i).name(), theme.ink(), 10, right + 29, top + 9 + i * 18, 0);
    }
  }

  private void drawBar(Pen pen, int index, int group, double x, double width, double zero, double scale) {
    Bars each = bars.get(index);
    double value = each.values()[group];
    if (!Double.isFinite(value)) {
      pen.text("–", theme.ink(), 10, x + width / 2, zero - 6, 0.5);
      return;
    }
    double y = zero - value * scale;
    pen.fill(theme.color(index), x, Math.min(y, zero), width - 1.5, Math.max(0.8, Math.abs(y - zero)));
    if (each.low() != null && Double.isFinite(each.low()[group]) && Double.isFinite(each.high()[group])) {
      double middle = x + (width - 1.5) / 2;
      double from = zero - each.low()[group] * scale;
      double to = zero - each.high()[group] * scale;
      pen.line(theme.ink(), 1, middle, from, middle, to);
      pen.line(theme.ink(), 1, middle - 3, from, middle + 3, from);
      pen.line(theme.ink(), 1, middle - 3, to, middle + 3, to);
    }
  }

  private double lowest() {
    double lowest = Double.isNaN(reference) ? 0 : reference;
    for (Bars each : bars) {
      for (int i = 0; i < each.values().length; i++) {
        double value = each.low() != null && Double.isFinite(each.low()[i]) ? each.low()[i] : each.values()[i];
        lowest = Double.isFinite(value) ? Math.min(lowest, value) : lowest;
      }
    }
    return lowest;
  }

  private double highest() {
    double highest = Double.isNaN(reference) ? 0 : reference;
    for (Bars each : bars) {
      for (int i = 0; i < each.values().length; i++) {
        double value = each.high() != null && Double.isFinite(each.high()[i]) ? each.high()[i] : each.values()[i];
        highest = Double.isFinite(value) ? Math.max(highest, value) : highest;
      }
    }
    return highest;
  }

  /** The next of 1, 2, 5 times a power of ten. */
  static double niceStep(double rough) {
    double power = Math.pow(10, Math.floor(Math.log10(Math.max(rough, 1e-12))));
    for (double factor : new double[] {1, 2, 5}) {
      if (factor * power >= rough * (1 - 1e-9)) {
        return factor * power;
      }
    }
    return 10 * power;
  }

  private static String tick(double value, double step) {
    int decimals = (int) Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
    String text = String.format(Locale.ROOT, "%." + decimals + "f", value);
    return text.matches("-0(\\.0+)?") ? text.substring(1) : text;
  }
}
