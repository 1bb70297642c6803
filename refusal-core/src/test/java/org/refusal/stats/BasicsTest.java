package org.refusal.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.refusal.base.Seeds;

class BasicsTest {
  @Test
  void normalTails() {
    assertThat(Normal.upperTail(0)).isEqualTo(0.5);
    assertThat(Normal.upperTail(1.959963984540054)).isCloseTo(0.025, within(1e-15));
    assertThat(Normal.upperTail(5) / 2.866515718791939e-7).isCloseTo(1, within(1e-12));
    assertThat(Normal.upperTail(10) / 7.61985302416052e-24).isCloseTo(1, within(1e-12));
    assertThat(Normal.upperTail(2.9999999) / Normal.upperTail(3.0000001)).isCloseTo(1, within(1e-6));
    assertThat(Normal.quantile(0.975)).isCloseTo(1.959963984540054, within(1e-12));
  }

  @Test
  void wilson() {
    Interval interval = Wilson.interval(8, 10, 0.95);
    assertThat(interval.low()).isCloseTo(0.490162, within(1e-6));
    assertThat(interval.high()).isCloseTo(0.943318, within(1e-6));
    assertThat(Wilson.interval(0, 10, 0.95).low()).isZero();
    assertThat(Wilson.interval(0, 0, 0.95).isDefined()).isFalse();
    assertThatThrownBy(() -> Wilson.interval(3, 2, 0.95)).hasMessageContaining("3 successes in 2 trials");
  }

  @Test
  void kolmogorovSmirnov() {
    KolmogorovSmirnov test = KolmogorovSmirnov.uniform(new double[] {0.1, 0.4, 0.7});
    assertThat(test.d()).isCloseTo(0.3, within(1e-15));
    assertThat(KolmogorovSmirnov.survival(1.3580986)).isCloseTo(0.05, within(1e-6));
    double[] spread = new double[100];
    Arrays.setAll(spread, i -> (i + 0.5) / 100);
    assertThat(KolmogorovSmirnov.uniform(spread).p()).isGreaterThan(0.999);
    double[] low = new double[100];
    Arrays.setAll(low, i -> (i + 0.5) / 200);
    assertThat(KolmogorovSmirnov.uniform(low).p()).isLessThan(1e-10);
  }

  @Test
  void correlations() {
    double[] x = {1, 2, 3, 4};
    assertThat(Correlation.pearson(x, new double[] {2, 4, 6, 8})).isCloseTo(1, within(1e-15));
    assertThat(Correlation.spearman(x, new double[] {1, 10, 100, 1000})).isCloseTo(1, within(1e-15));
    assertThat(Correlation.pearson(x, new double[] {3, 3, 3, 3})).isNaN();
    assertThat(Ranks.mid(new double[] {5, 1, 5, 0})).containsExactly(3.5, 2, 3.5, 1);
  }

  @Test
  void permutationsStayWithinStrata() {
    int[] strata = {0, 1, 0, 1, 2, 0};
    SplittableRandom random = Seeds.random(1, "strata");
    for (int draw = 0; draw < 50; draw++) {
      int[] order = Permutations.within(6, strata, random);
      for (int i = 0; i < 6; i++) {
        assertThat(strata[order[i]]).isEqualTo(strata[i]);
      }
      assertThat(Arrays.stream(order).sorted().toArray()).containsExactly(0, 1, 2, 3, 4, 5);
    }
    assertThat(Permutations.terciles(new double[] {1, 9, 5, 2, 8, 6})).containsExactly(0, 2, 1, 0, 2, 1);
  }

  @Test
  void permutationPValues() {
    assertThat(Permutations.pValue(2, new double[] {1, 2, 3})).isEqualTo(3 / 4.0);
    assertThat(Permutations.pValue(Double.NaN, new double[] {1})).isNaN();
    assertThat(Permutations.pValue(2, new double[] {Double.NaN})).isEqualTo(1);
  }

  @Test
  void intervalOfAMeanCoversIt() {
    int covered = 0;
    int trials = 300;
    for (int trial = 0; trial < trials; trial++) {
      SplittableRandom random = Seeds.random(trial, "mean");
      double[] values = new double[40];
      Arrays.setAll(values, i -> -Math.log(1 - random.nextDouble()));
      covered += Bootstrap.ofMean(values, 0.95, new Resampling(400, trial, 1)).contains(1) ? 1 : 0;
    }
    assertThat(covered / (double) trials).isBetween(0.89, 0.98);
    assertThat(Bootstrap.ofMean(new double[] {1}, 0.95, new Resampling(10, 0, 1)).isDefined()).isFalse();
  }

  @Test
  void failuresInWorkersAreThrownOn() {
    assertThatThrownBy(
            () ->
                Parallel.forEach(
                    10,
                    2,
                    unit -> {
                      if (unit == 3) {
                        throw new IllegalStateException("unit 3");
                      }
                    }))
        .hasMessage("unit 3");
  }
}
