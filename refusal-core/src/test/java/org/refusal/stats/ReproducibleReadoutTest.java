package org.refusal.stats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.refusal.RandomSeeds;
import org.refusal.base.Seeds;

/** Planted read-outs: how many there are, which, and what the prompts can tell. */
class ReproducibleReadoutTest {
  private static final int WIDTH = 60;
  private static final int CATEGORIES = 4;

  /** What category c is read by: unit rows over the first axes {@code [K][WIDTH]}. */
  private enum Truth {
    ONE(1) {
      @Override
      double at(int category, int axis) {
        return axis == 0 ? 1 : 0;
      }
    },
    TWO(2) {
      @Override
      double at(int category, int axis) {
        return axis == category / 2 ? 1 : 0;
      }
    },
    FOUR(4) {
      @Override
      double at(int category, int axis) {
        return axis == category ? 1 : 0;
      }
    },
    /** Every two have a cosine of .6. */
    GRADED(4) {
      @Override
      double at(int category, int axis) {
        return axis == CATEGORIES ? Math.sqrt(.6) : axis == category ? Math.sqrt(.4) : 0;
      }
    };

    final int distinct;

    Truth(int distinct) {
      this.distinct = distinct;
    }

    abstract double at(int category, int axis);

    double[] direction(int category) {
      double[] direction = new double[WIDTH];
      for (int axis = 0; axis <= CATEGORIES; axis++) {
        direction[axis] = at(category, axis);
      }
      return direction;
    }
  }

  /** @param noise norm of what a prompt is read by beside, the category's direction being 1 */
  private static double[][] gradients(Truth truth, int prompts, double noise, SplittableRandom random) {
    double[][] gradients = new double[CATEGORIES * prompts][];
    for (int p = 0; p < gradients.length; p++) {
      double strength = Math.exp(.5 * random.nextGaussian());
      gradients[p] = truth.direction(p / prompts);
      for (int i = 0; i < WIDTH; i++) {
        gradients[p][i] = strength * gradients[p][i] + noise / Math.sqrt(WIDTH) * random.nextGaussian();
      }
    }
    return gradients;
  }

  private static int[] labels(int prompts) {
    int[] labels = new int[CATEGORIES * prompts];
    Arrays.setAll(labels, p -> p / prompts);
    return labels;
  }

  @Test
  void theNumberOfDirectionsIsRightWhereTheFloorIsLow() {
    for (Truth truth : Truth.values()) {
      for (double noise : new double[] {.3, 1}) {
        int known = 0;
        int right = 0;
        for (int seed = 0; seed < 60; seed++) {
          SplittableRandom random = Seeds.random(seed, "readout", truth.name(), Double.toString(noise));
          ReproducibleReadout found =
              ReproducibleReadout.of(gradients(truth, 24, noise, random), labels(24), CATEGORIES, random);
          if (found.countKnown()) {
            known++;
            right += found.distinct() == truth.distinct ? 1 : 0;
          }
        }
        assertThat(known).as("%s, noise %s: floor below .05 of the largest", truth, noise).isGreaterThan(50);
        assertThat(right / (double) known).as("%s, noise %s", truth, noise).isGreaterThanOrEqualTo(.95);
      }
    }
  }

  @Test
  void withoutNoiseTheSpectrumIsThatOfTheDirections() {
    // C = sum of u_c u_cᵀ, whose eigenvalues are those of the directions' Gram matrix: 1 + 3 * .6 and three of .4
    double[][] graded = new double[8][];
    Arrays.setAll(graded, p -> scaled(Truth.GRADED.direction(p / 2), 3));
    int[] labels = labels(2);
    ReproducibleReadout found = ReproducibleReadout.of(graded, labels, CATEGORIES, new SplittableRandom(1));
    assertThat(found.spectrum()).containsExactly(new double[] {2.8, .4, .4, .4}, within(1e-9));
    assertThat(found.floor()).isCloseTo(0, within(1e-9));
    assertThat(found.distinct()).isEqualTo(4);
    assertThat(found.held()).containsExactly(new double[] {1, 1, 1, 1}, within(1e-9));

    double[][] clusters = new double[8][];
    Arrays.setAll(clusters, p -> Truth.TWO.direction(p / 2));
    ReproducibleReadout two = ReproducibleReadout.of(clusters, labels, CATEGORIES, new SplittableRandom(1));
    assertThat(two.spectrum()).hasSize(2).containsExactly(new double[] {2, 2}, within(1e-9));
    assertThat(two.rank()).isEqualTo(2);
  }

  private static double[] scaled(double[] vector, double by) {
    return Arrays.stream(vector).map(v -> by * v).toArray();
  }

  /** Two prompts by hand: only the product of the two counts. */
  @Test
  void onlyPairsOfDistinctPromptsCount() {
    double[][] gradients = {{1, 2, 0}, {1, 0, 2}};
    ReproducibleReadout found = ReproducibleReadout.of(gradients, new int[] {0, 0}, 1, new SplittableRandom(1));
    // mean gradient (1, 1, 1), its unit u; <g_1, g_2> = 1; uᵀ C u = <g_1, u> <g_2, u> = 3
    assertThat(found.spectrum()).containsExactly(new double[] {3}, within(1e-12));
    assertThat(found.held()).containsExactly(new double[] {3}, within(1e-12));
    double third = 1 / Math.sqrt(3);
    assertThat(Arrays.stream(found.basis()[0]).map(Math::abs).toArray())
        .containsExactly(new double[] {third, third, third}, within(1e-12));
  }

  @Test
  void noiseAloneIsNotReproducible() {
    int falsely = 0;
    for (int seed = 0; seed < 40; seed++) {
      SplittableRandom random = Seeds.random(seed, "noise");
      double[][] noise = new double[CATEGORIES * 20][WIDTH];
      for (double[] row : noise) {
        Arrays.setAll(row, i -> random.nextGaussian());
      }
      ReproducibleReadout found = ReproducibleReadout.of(noise, labels(20), CATEGORIES, random);
      falsely += found.countKnown() ? 1 : 0;
    }
    assertThat(falsely).as("of 40 called known").isZero();
  }

  @RandomSeeds(3)
  void rotationRotatesTheBasisAndNothingElse(long seed) {
    SplittableRandom random = Seeds.random(seed, "rotation");
    double[][] gradients = gradients(Truth.GRADED, 20, 1, random);
    double[] axis = new double[WIDTH];
    Arrays.setAll(axis, i -> random.nextGaussian());
    double norm = Math.sqrt(dot(axis, axis));
    double[] unit = scaled(axis, 1 / norm);
    double[][] reflected = Arrays.stream(gradients).map(row -> reflect(row, unit)).toArray(double[][]::new);
    ReproducibleReadout one = ReproducibleReadout.of(gradients, labels(20), CATEGORIES, new SplittableRandom(5));
    ReproducibleReadout other = ReproducibleReadout.of(reflected, labels(20), CATEGORIES, new SplittableRandom(5));
    assertThat(other.spectrum()).containsExactly(one.spectrum(), within(1e-9));
    assertThat(other.floor()).isCloseTo(one.floor(), within(1e-9));
    assertThat(other.distinct()).isEqualTo(one.distinct());
    assertThat(other.held()).containsExactly(one.held(), within(1e-9));
    double[] vector = gradients[7];
    assertThat(Vectors.project(other.basis(), reflect(vector, unit)))
        .containsExactly(reflect(Vectors.project(one.basis(), vector), unit), within(1e-9));
  }

  private static double[] reflect(double[] vector, double[] unit) {
    double along = 2 * dot(vector, unit);
    double[] reflected = vector.clone();
    for (int i = 0; i < reflected.length; i++) {
      reflected[i] -= along * unit[i];
    }
    return reflected;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  @Test
  void aCategoryWhoseGradientIsDroppedGetsADirectionOfItsOwn() {
    // three categories agree to .0005 with each other and differ; the fourth is noisy enough that the floor hides it
    SplittableRandom random = Seeds.random(11, "dropped");
    double[][] gradients = gradients(Truth.FOUR, 12, 0, random);
    for (int p = 0; p < 36; p++) { // the first three are read by one direction
      gradients[p] = scaled(Truth.ONE.direction(0), 1);
    }
    for (int p = 36; p < 48; p++) { // the fourth by its own, drowned by what each prompt is read by beside
      for (int i = 4; i < WIDTH; i++) {
        gradients[p][i] += 3 * random.nextGaussian() / Math.sqrt(WIDTH);
      }
    }
    ReproducibleReadout found = ReproducibleReadout.of(gradients, labels(12), CATEGORIES, random);
    assertThat(found.held()[3]).isGreaterThanOrEqualTo(.98);
    double[] own = Truth.FOUR.direction(3);
    double[] kept = Vectors.project(found.basis(), own);
    assertThat(dot(kept, own)).as("share of the fourth's direction that is kept").isGreaterThan(.3);

    ReproducibleReadout alone =
        new ReproducibleReadout(
            new double[][] {Truth.ONE.direction(0)}, 1, found.spectrum(), found.floor(), found.held());
    double[] once = new double[48];
    Arrays.fill(once, 1);
    assertThat(alone.resampled(gradients, labels(12), CATEGORIES, once))
        .as("one direction kept, one added for the category that it does not hold").hasNumberOfRows(2);
  }

  @Test
  void countsOfOneGiveTheSameSpan() {
    for (Truth truth : Truth.values()) {
      SplittableRandom random = Seeds.random(2, "counts", truth.name());
      double[][] gradients = gradients(truth, 20, 1, random);
      ReproducibleReadout found = ReproducibleReadout.of(gradients, labels(20), CATEGORIES, random);
      double[] once = new double[gradients.length];
      Arrays.fill(once, 1);
      double[][] again = found.resampled(gradients, labels(20), CATEGORIES, once);
      assertThat(again).hasSameDimensionsAs(found.basis());
      for (double[] row : found.basis()) {
        assertThat(Vectors.project(again, row)).containsExactly(row, within(1e-9));
      }
    }
  }

  @Test
  void copiesOfOnePromptMakeNoPair() {
    // category 0 drawn as three copies of one prompt: nothing of it comes back in another prompt
    double[][] gradients = {{1, 0, 0}, {1, .1, 0}, {0, 1, 0}, {0, 1, .1}};
    int[] labels = {0, 0, 1, 1};
    ReproducibleReadout found = ReproducibleReadout.of(gradients, labels, 2, new SplittableRandom(1));
    assertThat(found.distinct()).isEqualTo(2);
    double[][] drawn = found.resampled(gradients, labels, 2, new double[] {2, 0, 1, 1});
    assertThat(drawn).hasNumberOfRows(1);
    assertThat(Math.abs(drawn[0][1])).isGreaterThan(.99);
  }

  @Test
  void degenerateInputs() {
    ReproducibleReadout none = ReproducibleReadout.of(new double[0][], new int[0], 2, new SplittableRandom(1));
    assertThat(none.rank()).isZero();
    assertThat(none.countKnown()).isFalse();
    assertThat(none.held()).containsExactly(Double.NaN, Double.NaN);
    ReproducibleReadout single =
        ReproducibleReadout.of(new double[][] {{1, 0}, {0, 1}}, new int[] {0, 1}, 2, new SplittableRandom(1));
    assertThat(single.rank()).as("one prompt each: nothing comes back").isZero();
    ReproducibleReadout left =
        ReproducibleReadout.of(
            new double[][] {{1, 0}, {1, 0}, {0, 1}, {0, 1}}, new int[] {0, 0, -1, -1}, 2, new SplittableRandom(1));
    assertThat(left.distinct()).as("prompts without category do not shape it").isEqualTo(1);
    assertThat(left.held()[1]).isNaN();
  }

  /** Two categories read along axis 0, one of them a little along axis 1 too, where their differences are large. */
  @Test
  void aDirectionThatCarriesNothingIsLeftOut() {
    int n = 40;
    double[][] gradients = new double[n][];
    double[][] differences = new double[n][];
    int[] categories = new int[n];
    for (int p = 0; p < n; p++) {
      categories[p] = p % 2;
      gradients[p] = new double[] {1, p % 2 == 0 ? .08 : -.08, 0};
      differences[p] = new double[] {2, p % 2 == 0 ? .5 : -.5, 1};
    }
    ReproducibleReadout all = ReproducibleReadout.of(gradients, categories, 2, new java.util.SplittableRandom(1));
    assertThat(all.distinct()).as("it comes back").isEqualTo(2);
    ReproducibleReadout carrying =
        ReproducibleReadout.of(gradients, differences, categories, 2, new java.util.SplittableRandom(1));
    assertThat(carrying.distinct()).as(".04 of 2.04 along it").isEqualTo(1);
    for (double[] difference : differences) {
      difference[1] *= 4;
    }
    assertThat(ReproducibleReadout.of(gradients, differences, categories, 2, new java.util.SplittableRandom(1)).distinct())
        .as(".16 of 2.16").isEqualTo(2);
  }
}
