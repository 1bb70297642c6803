package org.refusal.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.RandomSeeds;
import org.refusal.circuit.HookPoint;
import org.refusal.stats.ReproducibleReadout;
import org.refusal.stats.Vectors;

/** {@link PooledReadout} and what a read-out file holds. */
class ReadoutTest {

  /** Unit trace: shares of the energy along the five axes. */
  private static double[] moment(double... shares) {
    double[] moment = new double[25];
    for (int i = 0; i < 5; i++) {
      moment[i * 5 + i] = shares[i];
    }
    return moment;
  }

  @Test
  void directionsWithTooLittleEnergyAreLeftOut() {
    double[] moment = moment(.005, .9, .09, .004, .001);

    PooledReadout readout = PooledReadout.of(List.of(moment), .01, 64);

    assertThat(readout.rank()).isEqualTo(2);
    assertThat(readout.energy()).containsExactly(new double[] {.9, .09}, within(1e-12));
    assertThat(Vectors.project(readout.basis(), new double[] {1, 2, 3, 4, 5}))
        .containsExactly(new double[] {0, 2, 3, 0, 0}, within(1e-9));
    assertThat(PooledReadout.of(List.of(moment), .01, 1).rank()).isEqualTo(1);
    assertThat(PooledReadout.of(List.of(), .01, 4).rank()).isZero();
  }

  @Test
  void whatMattersForOneCategoryOnlyStays() {
    // 97 % of everyone's energy along axis 0; each of four categories has 3 % of its own: .75 % of the mean
    List<double[]> moments =
        List.of(moment(.97, .03, 0, 0, 0), moment(.97, 0, .03, 0, 0), moment(.97, 0, 0, .03, 0), moment(.97, 0, 0, 0, .03));

    PooledReadout readout = PooledReadout.of(moments, .01, 64);

    assertThat(readout.rank()).isEqualTo(5);
    assertThat(readout.energy()[0]).isCloseTo(.97, within(1e-9));
  }

  @Test
  void aFileHoldsBothReadouts(@TempDir Path folder) {
    Map<HookPoint, Readout> readouts = new LinkedHashMap<>();
    readouts.put(
        HookPoint.residuals(2),
        new Readout(
            List.of("privacy", "violence"),
            new ReproducibleReadout(
                new double[][] {{1, 0, 0}, {0, .6, .8}}, 1, new double[] {1.5, .25}, .125, new double[] {1, Double.NaN}),
            new PooledReadout(new double[][] {{0, 0, 1}}, new double[] {.75})));
    readouts.put(
        HookPoint.residuals(3),
        new Readout(
            List.of("privacy", "violence"),
            new ReproducibleReadout(new double[0][], 0, new double[0], 0, new double[] {Double.NaN, Double.NaN}),
            new PooledReadout(new double[0][], new double[0])));
    Path file = folder.resolve("readout.safetensors");

    Readout.write(file, "planted", readouts);

    Map<HookPoint, Readout> read = Readout.read(file);
    assertThat(read.keySet()).containsExactly(HookPoint.residuals(2), HookPoint.residuals(3));
    Readout two = read.get(HookPoint.residuals(2));
    assertThat(two.categories()).containsExactly("privacy", "violence");
    assertThat(two.basis(Readout.Kind.REPRODUCIBLE)[1]).containsExactly(new double[] {0, .6, .8}, within(1e-7));
    assertThat(two.basis(Readout.Kind.POOLED)).isDeepEqualTo(new double[][] {{0, 0, 1}});
    assertThat(two.reproducible().distinct()).isEqualTo(1);
    assertThat(two.reproducible().spectrum()).containsExactly(1.5, .25);
    assertThat(two.reproducible().floor()).isEqualTo(.125);
    assertThat(two.reproducible().held()).containsExactly(1, Double.NaN);
    assertThat(two.pooled().energy()).containsExactly(.75);
    assertThat(read.get(HookPoint.residuals(3)).basis(Readout.Kind.REPRODUCIBLE)).isEmpty();
  }

  @RandomSeeds(5)
  void eigenvectorsSolveTheirEquation(long seed) {
    int n = 60;
    Random random = new Random(seed);
    double[] matrix = new double[n * n];
    for (int r = 0; r < 8; r++) {
      double[] row = random.doubles(n, -1, 1).toArray();
      double weight = Math.exp(-2.0 * r);
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          matrix[i * n + j] += weight * row[i] * row[j];
        }
      }
    }

    LeadingEigenvectors.Result result = LeadingEigenvectors.of(matrix, n, 10);

    assertThat(result.values()).hasSize(10).isSortedAccordingTo((a, b) -> Double.compare(b, a));
    for (int a = 0; a < 10; a++) {
      double[] vector = result.vectors()[a];
      for (int i = 0; i < n; i++) {
        double image = 0;
        for (int j = 0; j < n; j++) {
          image += matrix[i * n + j] * vector[j];
        }
        assertThat(image).as("vector %d", a).isCloseTo(result.values()[a] * vector[i], within(1e-9 * result.values()[0]));
      }
    }
  }
}
