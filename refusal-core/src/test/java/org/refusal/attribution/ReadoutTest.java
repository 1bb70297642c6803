package org.refusal.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

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

    Readout readout = Readout.of(List.of(moment), .01, 64);

    assertThat(readout.rank()).isEqualTo(2);
    assertThat(readout.energy()).containsExactly(new double[] {.9, .09}, within(1e-12));
    assertThat(readout.project(new float[] {1, 2, 3, 4, 5})).containsExactly(new double[] {0, 2, 3, 0, 0}, within(1e-9));
    assertThat(Readout.of(List.of(moment), .01, 1).rank()).isEqualTo(1);
    assertThat(Readout.of(List.of(), .01, 4).rank()).isZero();
  }

  @Test
  void whatMattersForOneCategoryOnlyStays() {
    // 97 % of everyone's energy along axis 0; each of four categories has 3 % of its own: .75 % of the mean
    List<double[]> moments =
        List.of(moment(.97, .03, 0, 0, 0), moment(.97, 0, .03, 0, 0), moment(.97, 0, 0, .03, 0), moment(.97, 0, 0, 0, .03));

    Readout readout = Readout.of(moments, .01, 64);

    assertThat(readout.rank()).isEqualTo(5);
    assertThat(readout.energy()[0]).isCloseTo(.97, within(1e-9));
  }

  @Test
  void eigenvectorsSolveTheirEquation() {
    int n = 60;
    for (long seed = 0; seed < 5; seed++) {
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
          assertThat(image).as("seed %d, vector %d", seed, a).isCloseTo(result.values()[a] * vector[i], within(1e-9 * result.values()[0]));
        }
      }
    }
  }
}
