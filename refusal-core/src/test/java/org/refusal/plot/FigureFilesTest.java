package org.refusal.plot;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FigureFilesTest {
  @TempDir Path folder;

  static Stream<Arguments> figures() {
    List<String> names = List.of("deception", "self-harm", "violence");
    double[][] values = {{1, .42, Double.NaN}, {.41, .98, -.2}, {0, -.001, 1.04}};
    return Stream.of(
        Arguments.of(
            "heatmap",
            new Heatmap("Similarity of effects", "circuit of", "prompts of", names, names, values,
                ColorScale.diverging(1), "S (disattenuated cosine)", Theme.LIGHT)),
        Arguments.of(
            "dendrogram",
            new Dendrogram("Clusters", "1 - S", names,
                List.of(new Dendrogram.Merge(0, 2, .2), new Dendrogram.Merge(1, 3, .7)), .35, Theme.LIGHT)),
        Arguments.of(
            "lines",
            new LineChart("Decided", "hook point", "drop / gap",
                List.of(
                    new LineChart.Series("all", new double[] {0, 1, 2}, new double[] {.1, .5, .9},
                        new double[] {0, .4, .8}, new double[] {.2, .6, 1}),
                    new LineChart.Series("undefined", new double[] {0, 1, 2},
                        new double[] {Double.NaN, .3, Double.NaN})),
                false, new double[] {0, 1.1}, List.of("residuals_1", "residuals_2", "residuals_3"), Theme.LIGHT)),
        Arguments.of(
            "no-line",
            new LineChart("Nothing", "x", "y",
                List.of(new LineChart.Series("a", new double[] {1}, new double[] {Double.NaN})),
                true, null, null, Theme.LIGHT)),
        Arguments.of(
            "bars",
            new BarChart("Refusal rate", "share of prompts", names,
                List.of(
                    new BarChart.Bars("toxic", new double[] {.9, .8, .7}, new double[] {.8, .7, .6},
                        new double[] {.95, .9, .85}),
                    new BarChart.Bars("safe", new double[] {.1, Double.NaN, .05})),
                .5, Theme.DARK)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("figures")
  void isWrittenAsBitmapAndVector(String name, Figure figure) throws Exception {
    List<Path> files = FigureFiles.write(figure, folder, name, 144);

    BufferedImage image = ImageIO.read(files.get(0).toFile());
    assertThat(image.getWidth()).isEqualTo((int) Math.ceil(figure.width() * 2));
    long colours =
        Stream.iterate(0, i -> i < image.getWidth(), i -> i + 1)
            .flatMap(x -> Stream.iterate(0, i -> i < image.getHeight(), i -> i + 3).map(y -> image.getRGB(x, y)))
            .distinct()
            .count();
    assertThat(colours).as("different colours on the picture").isGreaterThan(10);
    assertThat(Files.readString(files.get(1))).contains("<svg").contains("</svg>");
    String keep = System.getProperty("refusal.keepFigures", "");
    if (!keep.isEmpty()) {
      Files.createDirectories(Path.of(keep));
      Files.copy(files.get(0), Path.of(keep, name + ".png"), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  @org.junit.jupiter.api.Test
  void stepsAreRound() {
    assertThat(BarChart.niceStep(.13)).isEqualTo(.2);
    assertThat(BarChart.niceStep(7)).isEqualTo(10);
    assertThat(BarChart.niceStep(1)).isEqualTo(1);
  }
}
