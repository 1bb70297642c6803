package org.refusal.evaluation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.EigenDecomposition;
import org.refusal.base.Seeds;
import org.refusal.stats.Vectors;

/** Directions and subspaces of the residual stream, float64, orthonormal rows. */
public final class Directions {
  private Directions() {}

  /** The mean of the vectors, normalised: an effect direction from y_p. Zero vectors only give no row. */
  public static double[][] meanUnit(double[][] vectors) {
    return unit(mean(vectors));
  }

  static double[] mean(double[][] vectors) {
    double[] mean = new double[vectors[0].length];
    for (double[] vector : vectors) {
      for (int i = 0; i < mean.length; i++) {
        mean[i] += vector[i] / vectors.length;
      }
    }
    return mean;
  }

  /** The vector as a span of one dimension, or of none where it is zero. */
  public static double[][] unit(double[] vector) {
    return Vectors.dot(vector, vector) > 0 ? new double[][] {Vectors.unit(vector)} : new double[0][];
  }

  /**
   * The leading right singular vectors of the unit rows scaled by |weight|, until they hold the share of the energy (sum
   * of squared singular values). O(n^2 d + n^3) for n rows of d.
   */
  public static double[][] span(double[][] rows, double[] weights, double energy, int cap) {
    int n = rows.length;
    double[][] scaled = new double[n][];
    for (int i = 0; i < n; i++) {
      double factor = Math.abs(weights[i]) / Math.sqrt(Vectors.dot(rows[i], rows[i]));
      scaled[i] = Arrays.stream(rows[i]).map(v -> v * factor).toArray();
    }
    if (n == 0) {
      return new double[0][];
    }
    double[][] gram = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j <= i; j++) {
        gram[i][j] = gram[j][i] = Vectors.dot(scaled[i], scaled[j]);
      }
    }
    EigenDecomposition eigen = new EigenDecomposition(new Array2DRowRealMatrix(gram, false)); // descending
    double[] values = eigen.getRealEigenvalues();
    double total = Arrays.stream(values).map(v -> Math.max(0, v)).sum();
    List<double[]> basis = new ArrayList<>();
    double sum = 0;
    for (int k = 0; k < n && basis.size() < cap && sum < energy * total; k++) {
      if (values[k] <= 1e-12 * values[0]) {
        break;
      }
      sum += values[k];
      double[] direction = new double[scaled[0].length];
      double[] combination = eigen.getEigenvector(k).toArray();
      for (int i = 0; i < n; i++) {
        for (int d = 0; d < direction.length; d++) {
          direction[d] += combination[i] * scaled[i][d];
        }
      }
      Vectors.append(basis, direction);
    }
    return basis.toArray(double[][]::new);
  }

  /** A random span, uniform among those of its rank. */
  public static double[][] random(int dModel, int rank, SplittableRandom random) {
    List<double[]> basis = new ArrayList<>();
    while (basis.size() < rank) {
      double[] direction = new double[dModel];
      for (int d = 0; d < dModel; d++) {
        direction[d] = gaussian(random);
      }
      Vectors.append(basis, direction);
    }
    return basis.toArray(double[][]::new);
  }

  private static double gaussian(SplittableRandom random) {
    double radius = Math.sqrt(-2 * Math.log(1 - random.nextDouble()));
    return radius * Math.cos(2 * Math.PI * random.nextDouble());
  }

  /**
   * As many other latents, each drawn among the {@value #NEAREST} free ones nearest in mean activity to the one that it
   * stands for.
   *
   * @param activity mean over tokens of every latent {@code [d_sae]}
   */
  public static int[] randomLatents(int[] latents, double[] activity, SplittableRandom random) {
    boolean[] taken = new boolean[activity.length];
    for (int latent : latents) {
      taken[latent] = true;
    }
    int[] order = Seeds.permutation(activity.length, random); // ties in activity fall by chance
    int[] drawn = new int[latents.length];
    int count = 0;
    for (int latent : latents) {
      int[] nearest =
          Arrays.stream(order)
              .filter(i -> !taken[i])
              .boxed()
              .sorted(Comparator.comparingDouble(i -> Math.abs(activity[i] - activity[latent])))
              .limit(NEAREST)
              .mapToInt(Integer::intValue)
              .toArray();
      if (nearest.length == 0) {
        break;
      }
      int chosen = nearest[random.nextInt(nearest.length)];
      taken[chosen] = true;
      drawn[count++] = chosen;
    }
    return Arrays.copyOf(drawn, count);
  }

  /** Candidates for each random latent. */
  public static final int NEAREST = 8;
}
