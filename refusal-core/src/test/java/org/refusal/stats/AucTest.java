package org.refusal.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.refusal.RandomSeeds;
import org.refusal.base.Seeds;

class AucTest {
  private static final double Z = 1.959963984540054;

  @Test
  void countsWinsAndHalvesTies() {
    Auc auc = Auc.of(new double[] {3, 2, 5}, new double[] {1, 2});
    assertThat(auc.value()).isEqualTo(5.5 / 6); // 3>1 3>2 2>1 2=2 5>1 5>2
    assertThat(auc.interval().contains(auc.value())).isTrue();
    assertThat(auc.positives()).isEqualTo(3);
    assertThat(auc.negatives()).isEqualTo(2);
  }

  @Test
  void undefinedWithoutASideOrWithNaN() {
    for (Auc auc : new Auc[] {
      Auc.of(new double[0], new double[] {1}), Auc.of(new double[] {1}, new double[0]),
      Auc.of(new double[] {1, Double.NaN}, new double[] {1}), Auc.of(new double[] {1}, new double[] {Double.NaN})
    }) {
      assertThat(auc.value()).isNaN();
      assertThat(auc.interval().isDefined()).isFalse();
    }
  }

  /** Shares won: 1, 3/4, 1 and 1, 5/6; variances 1/48 and 1/72, over 3 and 2 scores 1/144 each. */
  @Test
  void deLongByHand() {
    double[] wins = Auc.wins(new double[] {3, 2, 5}, new double[] {1, 2});
    double[] others = Auc.wins(new double[] {1, 2}, new double[] {3, 2, 5});
    assertThat(wins).containsExactly(2, 1.5, 2);
    assertThat(others).containsExactly(0, 0.5);
    assertThat(Auc.deLong(wins, others)).isCloseTo(1.0 / 72, within(1e-15));
  }

  /** theta 3/4: q1 = 3/5 - 9/16 = 3/80, q2 = 9/14 - 9/16 = 9/112; 3 against 2: 3/16 + max(2 q1 + q2, q1 + 2 q2), over 6. */
  @Test
  void hanleyMcNeilByHand() {
    double expected = (3.0 / 16 + 3.0 / 80 + 2 * 9.0 / 112) / 6;
    assertThat(Auc.hanleyMcNeil(0.75, 3, 2)).isCloseTo(expected, within(1e-15));
    assertThat(Auc.hanleyMcNeil(0.75, 2, 3)).isCloseTo(expected, within(1e-15));
  }

  /** One against one: (1 - theta)^2 = z^2 theta (1 - theta), so that theta = 1 / (1 + z^2). */
  @Test
  void oneAgainstOneByHand() {
    Auc won = Auc.of(new double[] {2}, new double[] {1});
    assertThat(won.interval().low()).isCloseTo(1 / (1 + Z * Z), within(1e-12));
    assertThat(won.interval().high()).isEqualTo(1);
    Auc lost = Auc.of(new double[] {1}, new double[] {2});
    assertThat(lost.interval().low()).isZero();
    assertThat(lost.interval().high()).isCloseTo(Z * Z / (1 + Z * Z), within(1e-12));
  }

  /** Four against four, the two in the middle exchanged: k = 1 on either side, DeLong's variance the smaller. */
  @Test
  void endsAreAsFarAwayAsTheirOwnError() {
    double[] positives = {10, 11, 12, 4};
    double[] negatives = {1, 2, 3, 5};
    Auc auc = Auc.of(positives, negatives);
    assertThat(auc.value()).isEqualTo(15.0 / 16);
    double deLong = 2 * (0.25 * 0.25 * 0.75 / 3 / 4); // shares won 1, 1, 1, 3/4
    double ratio = deLong / Auc.hanleyMcNeil(15.0 / 16, 4, 4);
    assertThat(ratio).isLessThan(1);
    double factor = Math.pow(ratio, 1.0 / 9);
    for (double end : new double[] {auc.interval().low(), auc.interval().high()}) {
      assertThat(Math.abs(end - 15.0 / 16)).isCloseTo(Z * Math.sqrt(factor * Auc.hanleyMcNeil(end, 4, 4)), within(1e-9));
    }
  }

  @Test
  void perfectSeparationLeavesASensibleInterval() {
    Auc auc = Auc.of(IntStream.range(1000, 1201).asDoubleStream().toArray(), IntStream.range(0, 137).asDoubleStream().toArray());
    assertThat(auc.value()).isEqualTo(1);
    assertThat(auc.interval().high()).isEqualTo(1);
    assertThat(auc.interval().low()).isBetween(0.98, 0.99);
  }

  /** One pair of the 27,537 in the wrong order, its scores at the ends or in the middle: no wider than without overlap. */
  @Test
  void oneOverlapDoesNotBlowTheIntervalUp() {
    double[] positives = IntStream.range(1000, 1201).asDoubleStream().toArray();
    double[] negatives = IntStream.range(0, 137).asDoubleStream().toArray();
    positives[0] = 135.5;
    Auc near = Auc.of(positives, negatives);
    assertThat(near.value()).isEqualTo(1 - 1.0 / 27537);
    assertThat(near.interval().low()).isBetween(0.98, near.value());
    positives[0] = -1;
    Auc far = Auc.of(positives, negatives);
    assertThat(far.value()).isEqualTo(1 - 1.0 / 201);
    assertThat(far.interval().low()).isBetween(0.96, far.value());
  }

  @RandomSeeds(5)
  void exchangedSidesMirrorTheInterval(long seed) {
    SplittableRandom random = Seeds.random(seed, "mirror");
    double[] a = random.doubles(30).map(each -> each + 0.3).toArray();
    double[] b = random.doubles(50).toArray();
    Auc one = Auc.of(a, b);
    Auc other = Auc.of(b, a);
    assertThat(other.value()).isCloseTo(1 - one.value(), within(1e-12));
    assertThat(other.interval().low()).isCloseTo(1 - one.interval().high(), within(1e-9));
    assertThat(other.interval().high()).isCloseTo(1 - one.interval().low(), within(1e-9));
  }

  @Test
  void allEqualTellsNothing() {
    double[] same = new double[40];
    Auc auc = Auc.of(same, same);
    assertThat(auc.value()).isEqualTo(0.5);
    assertThat(auc.interval().low()).isLessThan(0.4);
    assertThat(auc.interval().high()).isGreaterThan(0.6);
  }

  /** How scores may lie; each draws a positive of a population with the AUC that is asked for, negatives or both given. */
  enum Population {
    /** Both normal with spread 1. */
    NORMAL,
    /** Both normal, the positives with spread 2. */
    SPREAD_POSITIVES,
    /** Both normal, the positives with spread 1/2. */
    NARROW_POSITIVES,
    /** Both exponential: Hanley and McNeil's own case. */
    EXPONENTIAL,
    /** Negatives normal; positives far above, but for a share that is drawn like the negatives. */
    CONTAMINATED;

    double negative(SplittableRandom random) {
      return this == EXPONENTIAL ? -Math.log(1 - random.nextDouble()) : random.nextGaussian();
    }

    /** @param shift normal quantile of the AUC */
    double positive(double auc, double shift, SplittableRandom random) {
      return switch (this) {
        case NORMAL -> normal(1, shift, random);
        case SPREAD_POSITIVES -> normal(2, shift, random);
        case NARROW_POSITIVES -> normal(0.5, shift, random);
        case EXPONENTIAL -> negative(random) * auc / (1 - auc);
        case CONTAMINATED -> (random.nextDouble() < 2 * (1 - auc) ? 0 : 1000) + negative(random);
      };
    }

    private static double normal(double spread, double shift, SplittableRandom random) {
      return spread * random.nextGaussian() + Math.sqrt(1 + spread * spread) * shift;
    }
  }

  /**
   * Nominal 95 %: never below 92 %, and where scores overlap at most about 98 %. {@code -Dtest.repeat=20} for the numbers of
   * docs/statistics.md.
   */
  @ParameterizedTest
  @EnumSource(Population.class)
  @Tag("slow")
  void coversTheTruth(Population population) {
    long seed = 2026;
    int draws = 1000 * Integer.getInteger("test.repeat", 1);
    for (double truth : new double[] {0.5, 0.7, 0.9, 0.99, 0.999, 0.9999}) {
      double shift = Normal.quantile(truth);
      for (int[] size : new int[][] {{20, 20}, {200, 140}, {30, 300}, {300, 30}}) {
        String name = "%s %s %d/%d".formatted(population, truth, size[0], size[1]);
        boolean[] covered = new boolean[draws];
        double[] low = new double[draws];
        Parallel.forEach(draws, 2, draw -> {
          SplittableRandom random = Seeds.random(seed, name, Integer.toString(draw));
          double[] positives = new double[size[0]];
          double[] negatives = new double[size[1]];
          Arrays.setAll(positives, i -> population.positive(truth, shift, random));
          Arrays.setAll(negatives, i -> population.negative(random));
          Interval interval = Auc.of(positives, negatives).interval();
          covered[draw] = interval.contains(truth);
          low[draw] = interval.low();
        });
        double coverage = IntStream.range(0, draws).filter(draw -> covered[draw]).count() / (double) draws;
        System.out.printf(
            Locale.ROOT, "AucTest: seed %d, %s: coverage %.3f, mean lower bound %.4f%n", seed, name, coverage,
            Arrays.stream(low).average().orElseThrow());
        assertThat(coverage).as(name).isGreaterThan(0.92 - 2.6 * Math.sqrt(0.92 * 0.08 / draws));
        if (truth <= 0.9) {
          assertThat(coverage).as(name).isLessThan(0.985);
        }
      }
    }
  }
}
