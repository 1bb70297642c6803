package org.refusal.plot;

import java.awt.Graphics2D;
import java.util.List;

/**
 * A tree of clusters, leaves at the left, drawn by the height at which they merge.
 *
 * @param labels of the leaves by index
 * @param merges in ascending order; merge i makes node {@code labels.size() + i} of two nodes
 * @param cut height of a dashed line; NaN for none
 */
public record Dendrogram(
    String title, String heightTitle, List<String> labels, List<Merge> merges, double cut, Theme theme)
    implements Figure {
  private static final double ROW = 22;
  private static final double PLOT = 320;
  private static final double MARGIN = 14;

  /** Two nodes become one. */
  public record Merge(int first, int second, double height) {}

  public Dendrogram {
    if (merges.size() != Math.max(0, labels.size() - 1)) {
      throw new IllegalArgumentException(labels.size() + " leaves need " + (labels.size() - 1) + " merges");
    }
  }

  private double labelWidth() {
    return labels.stream().mapToDouble(label -> Pen.textWidth(label, 10)).max().orElse(0) + 10;
  }

  @Override
  public double width() {
    return Math.max(MARGIN * 2 + labelWidth() + PLOT, Pen.textWidth(title, 13) + 2 * MARGIN);
  }

  @Override
  public double height() {
    return MARGIN + 30 + labels.size() * ROW + 44;
  }

  @Override
  public void draw(Graphics2D canvas) {
    Pen pen = new Pen(canvas);
    pen.fill(theme.background(), 0, 0, width(), height());
    pen.text(title, theme.ink(), 13, MARGIN, MARGIN + 6, 0);
    double left = MARGIN + labelWidth();
    double top = MARGIN + 30;
    double bottom = top + labels.size() * ROW;
    double tallest = merges.stream().mapToDouble(Merge::height).max().orElse(1);
    double extent = Math.max(1e-9, Math.max(tallest, Double.isNaN(cut) ? 0 : cut)) * 1.05;

    int leaves = labels.size();
    double[] y = new double[leaves + merges.size()];
    double[] x = new double[leaves + merges.size()];
    int[] next = {0};
    if (!merges.isEmpty()) {
      placeLeaves(leaves + merges.size() - 1, y, top, next);
    } else if (leaves == 1) {
      y[0] = top + ROW / 2;
    }
    for (int leaf = 0; leaf < leaves; leaf++) {
      x[leaf] = left;
      pen.text(labels.get(leaf), theme.ink(), 10, left - 6, y[leaf], 1);
    }
    double step = step(extent);
    for (int tick = 0; tick * step <= extent * (1 + 1e-9); tick++) {
      double at = left + PLOT * tick * step / extent;
      pen.line(theme.faint(), 0.6, at, top, at, bottom);
      pen.text(Heatmap.number(tick * step), theme.ink(), 9, at, bottom + 10, 0.5);
    }
    for (int i = 0; i < merges.size(); i++) {
      Merge merge = merges.get(i);
      int node = leaves + i;
      x[node] = left + PLOT * merge.height() / extent;
      y[node] = (y[merge.first()] + y[merge.second()]) / 2;
      var color = theme.color(0);
      pen.line(color, 1.6, x[merge.first()], y[merge.first()], x[node], y[merge.first()]);
      pen.line(color, 1.6, x[merge.second()], y[merge.second()], x[node], y[merge.second()]);
      pen.line(color, 1.6, x[node], y[merge.first()], x[node], y[merge.second()]);
    }
    if (!Double.isNaN(cut)) {
      double at = left + PLOT * cut / extent;
      for (double from = top; from < bottom; from += 7) {
        pen.line(theme.color(1), 1.2, at, from, at, Math.min(bottom, from + 4));
      }
    }
    pen.text(heightTitle, theme.ink(), 10, left + PLOT / 2, bottom + 27, 0.5);
  }

  /** The smallest of 1, 2, 2.5 and 5 times a power of ten that leaves at most five ticks. */
  private static double step(double extent) {
    double power = Math.pow(10, Math.floor(Math.log10(extent / 5)));
    for (double times : new double[] {1, 2, 2.5, 5}) {
      if (extent / (times * power) <= 5) {
        return times * power;
      }
    }
    return 10 * power;
  }

  private void placeLeaves(int node, double[] y, double top, int[] next) {
    if (node < labels.size()) {
      y[node] = top + (next[0]++ + 0.5) * ROW;
      return;
    }
    Merge merge = merges.get(node - labels.size());
    placeLeaves(merge.first(), y, top, next);
    placeLeaves(merge.second(), y, top, next);
  }
}
