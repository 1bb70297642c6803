package org.refusal.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.refusal.Goldens;
import org.refusal.io.Json;

/** Against the statistics goldens, which agree with vegan's adonis2, betadisper, mantel and p.adjust. */
class StatisticsGoldenTest {
  private static final double TOLERANCE = 1e-9;

  /**
   * The files round distances to nine decimals, which gives flat data further axes with eigenvalues around 1e-9. The
   * reference leaves those axes out, the formula here knows no axes.
   */
  private static final double ROUNDED_AXES = 1e-8;

  private double tolerance = TOLERANCE;

  private double worst;

  @Test
  void permanova() {
    for (JsonNode item : file("permanova")) {
      Permanova found =
          Permanova.test(matrix(item.get("distances")), ints(item.get("groups")), intRows(item.get("permutations")), 2);
      close(found.pseudoF(), item.get("pseudo_f"));
      close(found.r2(), item.get("r2"));
      close(found.nullValues(), item.get("null"));
      assertThat(found.p()).isEqualTo(item.get("p").doubleValue());
    }
    report("permanova");
  }

  @Test
  void permdisp() {
    tolerance = ROUNDED_AXES;
    for (JsonNode item : file("permdisp")) {
      Permdisp found =
          Permdisp.test(matrix(item.get("distances")), ints(item.get("groups")), intRows(item.get("permutations")), 2);
      close(found.distanceToCentroid(), item.get("distance_to_centroid"));
      close(found.f(), item.get("f"));
      close(found.nullValues(), item.get("null_of_permuted_residuals"));
      assertThat(found.p()).isEqualTo(item.get("p").doubleValue());
    }
    report("permdisp");
  }

  @Test
  void mantel() {
    for (JsonNode item : file("mantel")) {
      double[][] x = matrix(item.get("x"));
      double[][] y = matrix(item.get("y"));
      int[][] permutations = intRows(item.get("permutations"));
      Mantel simple = Mantel.simple(x, y, permutations, 2);
      close(simple.r(), item.get("r"));
      close(simple.nullValues(), item.get("null_r"));
      assertThat(simple.p()).isEqualTo(item.get("p").doubleValue());
      Mantel partial = Mantel.partial(x, y, matrix(item.get("z")), permutations, 2);
      close(partial.r(), item.get("partial_r"));
      close(partial.nullValues(), item.get("null_partial_r"));
      assertThat(partial.p()).isEqualTo(item.get("partial_p").doubleValue());
    }
    report("mantel");
  }

  @Test
  void benjaminiHochberg() {
    for (JsonNode item : file("bh")) {
      close(MultipleTesting.benjaminiHochberg(doubles(item.get("p"))), item.get("q"));
    }
    report("bh");
  }

  @Test
  void spearmanBrown() {
    for (JsonNode item : file("spearman_brown")) {
      if (item.has("half")) {
        close(Reliability.spearmanBrown(item.get("half").doubleValue()), item.get("full"));
      } else {
        List<Double> given = new ArrayList<>();
        item.fields().forEachRemaining(field -> given.add(field.getValue().doubleValue()));
        close(Reliability.disattenuated(given.get(0), given.get(1), given.get(2)), item.get("disattenuated"));
      }
    }
    report("spearman_brown");
  }

  @Test
  void rankBiasedOverlap() {
    for (JsonNode item : file("rbo")) {
      RankBiasedOverlap found =
          RankBiasedOverlap.of(intList(item.get("a")), intList(item.get("b")), item.get("p").doubleValue());
      close(found.truncated(), item.get("truncated"));
      close(found.extrapolated(), item.get("extrapolated"));
    }
    report("rbo");
  }

  @Test
  void weightedJaccard() {
    for (JsonNode item : file("weighted_jaccard")) {
      double found = Overlap.weightedJaccard(doubles(item.get("a")), doubles(item.get("b")));
      if (item.get("weighted_jaccard").isNull()) {
        assertThat(found).isNaN();
      } else {
        close(found, item.get("weighted_jaccard"));
      }
    }
    report("weighted_jaccard");
  }

  @Test
  void maxT() {
    for (JsonNode item : file("maxt")) {
      MultipleTesting.MaxT found =
          MultipleTesting.maxT(doubles(item.get("observed")), matrix(item.get("null")));
      close(found.singleStep(), item.get("single_step"));
      close(found.stepDown(), item.get("step_down"));
    }
    report("maxt");
  }

  @Test
  void separation() {
    JsonNode item = Json.read(Goldens.folder("stats").resolve("separation.json"));
    int[] labels = ints(item.get("labels"));
    SeparationTest found =
        SeparationTest.splitHalf(
            GramMatrix.ofDense(matrix(item.get("vectors")), 1),
            labels,
            Grouping.of(labels).count(),
            intRows(item.get("permutations")),
            intRows(item.get("halves")));
    close(found.t(), item.get("T"));
    close(found.nullValues(), item.get("null"));
    assertThat(found.p()).isEqualTo(item.get("p").doubleValue());
    report("separation");
  }

  private JsonNode file(String name) {
    JsonNode items = Json.read(Goldens.folder("stats").resolve(name + ".json"));
    assertThat(items).as(name).isNotEmpty();
    return items;
  }

  private void close(double found, JsonNode expected) {
    double value = expected.doubleValue();
    worst = Math.max(worst, Math.abs(found - value));
    assertThat(found).isCloseTo(value, within(tolerance * Math.max(1, Math.abs(value))));
  }

  private void close(double[] found, JsonNode expected) {
    assertThat(found).hasSize(expected.size());
    for (int i = 0; i < found.length; i++) {
      close(found[i], expected.get(i));
    }
  }

  private void report(String name) {
    System.out.printf("%s: largest deviation %.1e%n", name, worst);
  }

  private static double[] doubles(JsonNode array) {
    double[] values = new double[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).doubleValue();
    }
    return values;
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).intValue();
    }
    return values;
  }

  private static List<Integer> intList(JsonNode array) {
    List<Integer> values = new ArrayList<>();
    array.forEach(value -> values.add(value.intValue()));
    return values;
  }

  private static double[][] matrix(JsonNode array) {
    double[][] rows = new double[array.size()][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = doubles(array.get(i));
    }
    return rows;
  }

  private static int[][] intRows(JsonNode array) {
    int[][] rows = new int[array.size()][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = ints(array.get(i));
    }
    return rows;
  }
}
