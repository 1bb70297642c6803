package org.refusal.trial;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.refusal.base.Seeds;
import org.refusal.stats.Vectors;

/**
 * A simulated model with a known answer (docs/calibration.md): linear above the hook point, a read-out for every category,
 * prompts whose gradients and differences from their partners vary, and company that is not read.
 *
 * <p>Category c is read by a unit vector u_c. A prompt's gradient is u_c times a log-normal strength plus noise; its
 * difference is u_c times a log-normal amount, plus a way common to everything harmful that lies among what is read (along
 * the sum of the u_c), plus company that nobody reads (half common, half the category's own), plus noise. Taking along
 * a direction e what the prompt has along its own category's f takes (g · e)(f · v) from m; the gap is g · v plus a part that does not pass through the hook
 * point.
 *
 * @param cosines of the read-outs {@code [K][K]}, positive semi-definite
 * @param discovery prompts per category
 * @param heldout prompts per category
 * @param noise expected norm of a gradient's noise, the read-out's being 1; a difference's is four times as much, the amount
 *     along the read-out being 1
 * @param commonWay length of the difference that is common and read
 * @param company length of the difference that is not read
 */
public record Simulation(
    double[][] cosines, int discovery, int heldout, double noise, double commonWay, double company)
    implements World {

  private static final int WIDTH = 200;
  private static final double SPREAD = 0.5;
  private static final double COMPANY_SPREAD = 0.3;
  private static final double DIFFERENCE_NOISE = 4;
  private static final double ELSEWHERE = 0.3;
  /** As {@code transfer.direction_resamples} and {@code transfer.controls} by default. */
  static final int RESAMPLES = 8;
  static final int CONTROLS = 2;

  /** K read-outs of which every two have the same cosine. */
  public static double[][] uniform(int categories, double cosine) {
    double[][] cosines = new double[categories][categories];
    for (int i = 0; i < categories; i++) {
      Arrays.fill(cosines[i], cosine);
      cosines[i][i] = 1;
    }
    return cosines;
  }

  /** Read-outs alike within clusters and orthogonal between them. */
  public static double[][] clustered(int... sizes) {
    return clustered(1, 0, sizes);
  }

  /** Read-outs with these cosines within and between clusters. */
  public static double[][] clustered(double within, double between, int... sizes) {
    double[][] cosines = uniform(Arrays.stream(sizes).sum(), between);
    int start = 0;
    for (int size : sizes) {
      for (int i = start; i < start + size; i++) {
        Arrays.fill(cosines[i], start, start + size, within);
        cosines[i][i] = 1;
      }
      start += size;
    }
    return cosines;
  }

  /**
   * The same world with the cosine of every two read-outs chosen so that the true shared part is as given.
   *
   * @param shared in [0, 1]; without a common way 0 takes orthogonal read-outs, with one slightly opposed ones
   */
  public Simulation withSharedPart(double shared) {
    double low = -1.0 / (categories() - 1) + 1e-3;
    double high = 1;
    if (shared >= 1) {
      return with(uniform(categories(), 1));
    }
    for (int step = 0; step < 60; step++) {
      double middle = (low + high) / 2;
      if (with(uniform(categories(), middle)).truth().sharedPart() < shared) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return with(uniform(categories(), high));
  }

  Simulation withNoise(double otherNoise) {
    return new Simulation(cosines, discovery, heldout, otherNoise, commonWay, company);
  }

  public Simulation with(double[][] otherCosines) {
    return new Simulation(otherCosines, discovery, heldout, noise, commonWay, company);
  }

  @Override
  public int categories() {
    return cosines.length;
  }

  /** Read-outs {@code [K][WIDTH]}, within the first K axes. */
  private double[][] readouts() {
    double[][] factor = cholesky(cosines);
    return Arrays.stream(factor).map(row -> Arrays.copyOf(row, WIDTH)).toArray(double[][]::new);
  }

  /** Mean difference of each category. */
  private double[][] means(double[][] readouts) {
    int k = categories();
    double[] common = new double[WIDTH];
    for (double[] readout : readouts) {
      add(common, readout, 1);
    }
    double norm = Math.sqrt(Vectors.dot(common, common));
    double[][] means = new double[k][];
    for (int c = 0; c < k; c++) {
      means[c] = readouts[c].clone();
      add(means[c], common, norm > 0 ? commonWay / norm : 0);
      means[c][k] += company / Math.sqrt(2);
      means[c][k + 1 + c] += company / Math.sqrt(2);
    }
    return means;
  }

  private static void add(double[] to, double[] vector, double times) {
    for (int i = 0; i < to.length; i++) {
      to[i] += times * vector[i];
    }
  }

  /** Gradients and differences are independent within a category. */
  @Override
  public Truth truth() {
    double[][] readouts = readouts();
    double[][] means = means(readouts);
    return Truth.of(
        IntStream.range(0, categories()).mapToObj(c -> new Category(readouts[c], means[c])).toList(),
        span());
  }

  /** Of the read-outs, orthonormal rows: the axes on which the factor of their cosines has a pivot. */
  private double[][] span() {
    double[][] factor = cholesky(cosines);
    return IntStream.range(0, categories())
        .filter(axis -> factor[axis][axis] > 0)
        .mapToObj(axis -> {
          double[] row = new double[WIDTH];
          row[axis] = 1;
          return row;
        })
        .toArray(double[][]::new);
  }

  @Override
  public double[][] meanDifferences() {
    return means(readouts());
  }

  private record Category(double[] gradient, double[] difference) implements Truth.Population {
    @Override
    public double gap() {
      return (1 + ELSEWHERE) * Vectors.dot(gradient, difference);
    }

    @Override
    public double drop(double[] direction, double[] own) {
      return Vectors.dot(gradient, direction) * Vectors.dot(own, difference);
    }
  }

  /** Prompts of all categories, one after the other. */
  LinearTransfer.Prompts prompts(int perCategory, SplittableRandom random) {
    int k = categories();
    double[][] readouts = readouts();
    double[][] means = means(readouts);
    int n = k * perCategory;
    double[][] gradients = new double[n][];
    double[][] differences = new double[n][];
    double[] gaps = new double[n];
    int[] labels = new int[n];
    for (int p = 0; p < n; p++) {
      int c = p / perCategory;
      labels[p] = c;
      gradients[p] = new double[WIDTH];
      add(gradients[p], readouts[c], logNormal(SPREAD, random));
      noise(gradients[p], noise, random);
      double[] difference = new double[WIDTH];
      add(difference, readouts[c], logNormal(SPREAD, random) - 1);
      double accompanied = 1 + COMPANY_SPREAD * random.nextGaussian();
      for (int axis = 0; axis < WIDTH; axis++) {
        difference[axis] += means[c][axis] * (axis < k ? 1 : accompanied);
      }
      noise(difference, DIFFERENCE_NOISE * noise, random);
      differences[p] = difference;
      double expected = Vectors.dot(readouts[c], means[c]);
      gaps[p] =
          Vectors.dot(gradients[p], difference) + ELSEWHERE * expected * logNormal(COMPANY_SPREAD, random);
    }
    return new LinearTransfer.Prompts(gradients, differences, gaps, labels, k);
  }

  /** Mean 1. */
  private static double logNormal(double spread, SplittableRandom random) {
    return Math.exp(spread * random.nextGaussian() - spread * spread / 2);
  }

  private static void noise(double[] to, double norm, SplittableRandom random) {
    double scale = norm / Math.sqrt(to.length);
    for (int i = 0; i < to.length; i++) {
      to[i] += scale * random.nextGaussian();
    }
  }

  @Override
  public LinearTransfer transfer(long seed) {
    return LinearTransfer.measure(
        prompts(discovery, Seeds.random(seed, "discovery")),
        prompts(heldout, Seeds.random(seed, "held out")),
        new LinearTransfer.Draws(RESAMPLES, CONTROLS, Seeds.derive(seed, "measurement")));
  }

  private static double[][] cholesky(double[][] matrix) {
    int k = matrix.length;
    double[][] factor = new double[k][k];
    for (int i = 0; i < k; i++) {
      for (int j = 0; j <= i; j++) {
        double sum = matrix[i][j];
        for (int axis = 0; axis < j; axis++) {
          sum -= factor[i][axis] * factor[j][axis];
        }
        if (i == j) {
          if (sum < -1e-9) {
            throw new IllegalArgumentException("cosines are not positive semi-definite");
          }
          factor[i][i] = Math.sqrt(Math.max(0, sum));
        } else {
          factor[i][j] = factor[j][j] > 1e-9 ? sum / factor[j][j] : 0;
        }
      }
    }
    return factor;
  }
}
