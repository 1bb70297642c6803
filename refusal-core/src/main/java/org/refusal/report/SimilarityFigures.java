package org.refusal.report;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.refusal.compare.CircuitComparison;
import org.refusal.compare.SimilarityFile;
import org.refusal.compare.SimilarityFile.Group;
import org.refusal.compare.SimilarityFile.Means;
import org.refusal.plot.ColorScale;
import org.refusal.plot.Dendrogram;
import org.refusal.plot.Figure;
import org.refusal.plot.FigureFiles;
import org.refusal.plot.Heatmap;
import org.refusal.plot.LineChart;
import org.refusal.plot.Theme;

/** Heatmaps, dendrograms and layer curves of the similarities; rows and columns in the order of the tree. */
public final class SimilarityFigures {
  private static final List<String> HEATMAPS =
      List.of(
          CircuitComparison.DISATTENUATED,
          CircuitComparison.WEIGHTED_JACCARD,
          CircuitComparison.DECODER,
          CircuitComparison.LEGACY);

  private SimilarityFigures() {}

  public static List<Path> write(SimilarityFile similarity, Path folder) {
    List<Path> files = new ArrayList<>();
    similarity.groups().forEach((name, group) -> {
      for (String measure : HEATMAPS) {
        if (group.measures().containsKey(measure)) {
          files.addAll(draw(heatmap(name, group, measure), folder, "similarity_%s_%s".formatted(name, measure)));
        }
      }
      if (group.tree() != null) {
        files.addAll(draw(dendrogram(name, group), folder, "dendrogram_" + name));
      }
      if (similarity.hookPoints().size() > 1) {
        files.addAll(draw(byLayer(name, group, similarity.hookPoints()), folder, "similarity_by_layer_" + name));
      }
    });
    return files;
  }

  private static List<Path> draw(Figure figure, Path folder, String stem) {
    return FigureFiles.write(figure, folder, stem, Renderer.PICTURE_DPI);
  }

  static Heatmap heatmap(String name, Group group, String measure) {
    List<String> rows = group.tree() == null ? group.rows() : group.tree().order();
    List<String> columns = group.tree() == null ? group.columns() : group.tree().order();
    double[][] values = ordered(group.pooled(measure), group, rows, columns);
    boolean signed = !measure.equals(CircuitComparison.WEIGHTED_JACCARD) && !measure.equals(CircuitComparison.LEGACY);
    return new Heatmap(
        "%s circuits: %s"
            .formatted(
                name.replace('_', '-'),
                measure.equals(CircuitComparison.LEGACY)
                    ? "legacy similarity (draw no conclusions)"
                    : measure.replace('_', ' ')),
        group.symmetric() ? "" : "safe",
        group.symmetric() ? "" : "toxic",
        rows,
        columns,
        values,
        signed ? ColorScale.diverging(1) : ColorScale.sequential(0, 1),
        "similarity",
        Theme.LIGHT);
  }

  static double[][] ordered(double[][] values, Group group, List<String> rows, List<String> columns) {
    double[][] ordered = new double[rows.size()][columns.size()];
    for (int i = 0; i < rows.size(); i++) {
      for (int j = 0; j < columns.size(); j++) {
        ordered[i][j] = values[group.rows().indexOf(rows.get(i))][group.columns().indexOf(columns.get(j))];
      }
    }
    return ordered;
  }

  static Dendrogram dendrogram(String name, Group group) {
    return new Dendrogram(
        "%s circuits: average linkage".formatted(name.replace('_', '-')),
        "1 - " + group.tree().measure().replace('_', ' '),
        group.rows(),
        group.tree().merges().stream()
            .map(merge -> new Dendrogram.Merge(merge.left(), merge.right(), Math.max(0, 1 - merge.similarity())))
            .toList(),
        Double.NaN,
        Theme.LIGHT);
  }

  static LineChart byLayer(String name, Group group, List<String> hookPoints) {
    List<LineChart.Series> series = new ArrayList<>();
    double[] x = IntStream.range(0, hookPoints.size()).asDoubleStream().toArray();
    group.means().forEach((measure, places) -> {
      if (!measure.startsWith("jaccard") && !measure.equals(CircuitComparison.LEGACY)) {
        double[] y = hookPoints.stream().mapToDouble(at -> between(places, at)).toArray();
        series.add(new LineChart.Series(measure.replace('_', ' '), x, y));
      }
    });
    return new LineChart(
        "%s circuits: mean similarity of different categories".formatted(name.replace('_', '-')),
        "hook point", "similarity", series, false, null, hookPoints, Theme.LIGHT);
  }

  private static double between(Map<String, Means> places, String at) {
    return places.containsKey(at) ? places.get(at).between() : Double.NaN;
  }
}
