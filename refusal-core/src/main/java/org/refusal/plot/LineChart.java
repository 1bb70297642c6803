package org.refusal.plot;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.util.ArrayList;
import java.util.List;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * Curves and points over a number, with optional intervals: a band around a curve, a whisker at a point. Points that are not finite are left out.
 *
 * @param yRange lowest and highest y, or null to fit the data
 * @param xLabels names of the x values (e.g. hook points at 0, 1, 2 ...), or null for numbers
 */
public record LineChart(
    String title,
    String xTitle,
    String yTitle,
    List<Series> series,
    boolean logarithmicX,
    double[] yRange,
    List<String> xLabels,
    Theme theme)
    implements Figure {
  /** Room below the plot for named x values, in points. */
  private static final double LABEL_BAND = 56;

  /** How a series is drawn. */
  public enum Style {
    /** A line through its points. */
    CURVE,
    /** The points alone. */
    POINTS,
    /** A dashed line without points, for a threshold. */
    GUIDE
  }

  /** One series; {@code low} and {@code high} are null when it has no intervals. */
  public record Series(String name, double[] x, double[] y, double[] low, double[] high, Style style) {
    public Series {
      if (x.length != y.length || (low != null && (low.length != x.length || high.length != x.length))) {
        throw new IllegalArgumentException("series '" + name + "': lengths differ");
      }
    }

    public Series(String name, double[] x, double[] y, double[] low, double[] high) {
      this(name, x, y, low, high, Style.CURVE);
    }

    public Series(String name, double[] x, double[] y) {
      this(name, x, y, null, null);
    }
  }

  @Override
  public double width() {
    return 620;
  }

  @Override
  public double height() {
    return 380;
  }

  @Override
  public void draw(Graphics2D canvas) {
    XYChart chart =
        new XYChartBuilder()
            .width((int) width())
            .height((int) height())
            .title(title)
            .xAxisTitle(xTitle)
            .yAxisTitle(yTitle)
            .build();
    var styler = chart.getStyler();
    styler.setChartBackgroundColor(theme.background());
    styler.setPlotBackgroundColor(theme.background());
    styler.setLegendBackgroundColor(theme.background());
    styler.setChartFontColor(theme.ink());
    styler.setAxisTickLabelsColor(theme.ink());
    styler.setAxisTickMarksColor(theme.ink());
    styler.setPlotGridLinesColor(theme.faint());
    styler.setPlotGridLinesStroke(new BasicStroke(0.6f));
    styler.setPlotBorderVisible(false);
    styler.setChartTitleFont(Fonts.regular(13));
    styler.setLegendFont(Fonts.regular(10));
    styler.setAxisTitleFont(Fonts.regular(11));
    styler.setAxisTickLabelsFont(Fonts.regular(9.5));
    styler.setLegendPosition(Styler.LegendPosition.OutsideE);
    styler.setLegendBorderColor(theme.background());
    styler.setChartTitleBoxVisible(false);
    styler.setXAxisLogarithmic(logarithmicX);
    styler.setMarkerSize(5);
    styler.setDecimalPattern(null);
    styler.setYAxisDecimalPattern("0.##");
    styler.setXAxisDecimalPattern("0.####");
    if (yRange != null) {
      styler.setYAxisMin(yRange[0]);
      styler.setYAxisMax(yRange[1]);
    }
    int drawn = 0;
    for (int i = 0; i < series.size(); i++) {
      Series each = series.get(i);
      drawn += add(chart, each, each.style() == Style.GUIDE ? theme.ink() : theme.color(i)) ? 1 : 0;
    }
    if (drawn == 0) {
      Pen pen = new Pen(canvas);
      pen.fill(theme.background(), 0, 0, width(), height());
      pen.text(title, theme.ink(), 13, width() / 2, 20, 0.5);
      pen.text("no value is defined", theme.ink(), 11, width() / 2, height() / 2, 0.5);
      return;
    }
    if (xLabels == null) {
      chart.paint(canvas, (int) width(), (int) height());
      return;
    }
    styler.setXAxisMin(-0.5);
    styler.setXAxisMax(xLabels.size() - 0.5);
    styler.setXAxisTicksVisible(false);
    styler.setPlotGridVerticalLinesVisible(false);
    styler.setXAxisTitleVisible(false);
    Pen pen = new Pen(canvas);
    pen.fill(theme.background(), 0, 0, width(), height());
    double bottom = height() - LABEL_BAND;
    chart.paint(canvas, (int) width(), (int) bottom);
    for (int i = 0; i < xLabels.size(); i++) {
      pen.turnedText(xLabels.get(i), theme.ink(), 9.5, chart.getScreenXFromChart(i) + 3, bottom, 1, -30);
    }
    double middle = (chart.getScreenXFromChart(0) + chart.getScreenXFromChart(xLabels.size() - 1)) / 2;
    pen.text(xTitle, theme.ink(), 11, middle, height() - 9, 0.5);
  }

  private static boolean add(XYChart chart, Series series, Color color) {
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    List<Double> bandX = new ArrayList<>();
    List<Double> bandLow = new ArrayList<>();
    List<Double> bandHigh = new ArrayList<>();
    for (int i = 0; i < series.x().length; i++) {
      if (Double.isFinite(series.y()[i])) {
        x.add(series.x()[i]);
        y.add(series.y()[i]);
      }
      if (series.low() != null && Double.isFinite(series.low()[i]) && Double.isFinite(series.high()[i])) {
        bandX.add(series.x()[i]);
        bandLow.add(series.low()[i]);
        bandHigh.add(series.high()[i]);
      }
    }
    if (series.style() == Style.POINTS) {
      for (int i = 0; i < bandX.size(); i++) {
        XYSeries whisker =
            chart.addSeries(
                series.name() + " interval " + i,
                List.of(bandX.get(i), bandX.get(i)),
                List.of(bandLow.get(i), bandHigh.get(i)));
        whisker.setLineColor(color);
        whisker.setLineStyle(new BasicStroke(1.2f));
        whisker.setMarker(SeriesMarkers.NONE);
        whisker.setShowInLegend(false);
      }
    } else if (bandX.size() > 1) {
      List<Double> outlineX = new ArrayList<>(bandX);
      List<Double> outlineY = new ArrayList<>(bandHigh);
      for (int i = bandX.size() - 1; i >= 0; i--) {
        outlineX.add(bandX.get(i));
        outlineY.add(bandLow.get(i));
      }
      XYSeries band = chart.addSeries(series.name() + " interval", outlineX, outlineY);
      band.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.PolygonArea);
      band.setFillColor(new Color(color.getRed(), color.getGreen(), color.getBlue(), 45));
      band.setLineColor(new Color(0, 0, 0, 0));
      band.setMarker(SeriesMarkers.NONE);
      band.setShowInLegend(false);
    }
    if (x.isEmpty()) {
      return false;
    }
    XYSeries line = chart.addSeries(series.name(), x, y);
    line.setLineColor(color);
    line.setMarkerColor(color);
    line.setMarker(
        switch (series.style()) {
          case CURVE -> SeriesMarkers.CIRCLE;
          case POINTS -> SeriesMarkers.DIAMOND;
          case GUIDE -> SeriesMarkers.NONE;
        });
    line.setLineWidth(1.8f);
    if (series.style() == Style.POINTS) {
      line.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter);
    }
    if (series.style() == Style.GUIDE) {
      line.setLineStyle(new BasicStroke(1f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_MITER, 10, new float[] {4, 4}, 0));
    }
    return true;
  }
}
