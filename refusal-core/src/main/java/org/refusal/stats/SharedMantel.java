package org.refusal.stats;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Mantel's tests of several distance matrices of the same items against one other (Mantel 1967), alone and with "same
 * group or not" held constant (Smouse, Long and Sokal 1986). All matrices see the same permutations, so that each
 * permutation of the other matrix is made once for all of them. Equal to {@link Mantel} with these permutations.
 *
 * @param r Pearson's correlation of the upper triangles; NaN where either is constant
 * @param p one-sided, (b + 1) / (B + 1)
 * @param partialR with the groups held constant
 */
public record SharedMantel(double r, double p, double partialR, double partialP) {
  /**
   * O(B n^2 / 2) products per matrix; memory {@code n^2} beside the matrices.
   *
   * @param x distance matrices {@code [n, n]}, symmetric
   * @param y the other, {@code [n, n]}, symmetric; rows and columns are permuted together, the groups with them
   * @param groups of the items, 0..count-1
   */
  public static List<SharedMantel> test(
      List<double[][]> x, double[][] y, int[] groups, int count, Resampling resampling) {
    Tables tables = new Tables(x, y, groups, count);
    double[][] plain = new double[x.size()][resampling.draws()];
    double[][] partial = new double[x.size()][resampling.draws()];
    Grouping items = Grouping.of(new int[y.length]);
    Parallel.forEachBatch(
        resampling.draws(),
        PermutedProducts.BATCH,
        resampling.threads(),
        (from, size) -> {
          int[][] orders = new int[size][];
          for (int i = 0; i < size; i++) {
            orders[i] = Permutations.within(items, resampling.stream(from + i));
          }
          tables.correlations(orders, plain, partial, from);
        });
    double[][] observed = new double[x.size()][1];
    double[][] observedPartial = new double[x.size()][1];
    int[] identity = new int[y.length];
    for (int i = 0; i < identity.length; i++) {
      identity[i] = i;
    }
    tables.correlations(new int[][] {identity}, observed, observedPartial, 0);
    List<SharedMantel> tests = new ArrayList<>();
    for (int m = 0; m < x.size(); m++) {
      tests.add(
          new SharedMantel(
              observed[m][0],
              Permutations.pValue(observed[m][0], plain[m]),
              observedPartial[m][0],
              Permutations.pValue(observedPartial[m][0], partial[m])));
    }
    return tests;
  }

  /** What does not change under permutation. */
  private static final class Tables {
    private final int n;
    private final List<double[][]> x;
    private final double[] sumX;
    private final double[] squaresX; // about the mean
    private final PermutedProducts permutedProducts; // of x and y less its mean over pairs
    private final double squaresY;
    private final int[] groups;
    private final int count;
    private final double different; // share of pairs in different groups
    private final double squaresZ;
    private final double yz; // correlation of y with different or not

    private Tables(List<double[][]> x, double[][] y, int[] groups, int count) {
      this.n = y.length;
      this.x = x;
      this.groups = groups;
      this.count = count;
      this.sumX = new double[x.size()];
      this.squaresX = new double[x.size()];
      double pairs = n * (n - 1) / 2.0;
      for (int m = 0; m < sumX.length; m++) {
        sumX[m] = sum(x.get(m), 0, 1);
        squaresX[m] = sum(x.get(m), sumX[m] / pairs, 2);
      }
      double mean = sum(y, 0, 1) / pairs;
      double[][] centred = new double[n][n];
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          centred[i][j] = y[i][j] - mean;
        }
      }
      this.permutedProducts = new PermutedProducts(x, centred);
      this.squaresY = sum(centred, 0, 2);
      double apart = 0;
      double ofApart = 0;
      for (int i = 0; i < n; i++) {
        for (int j = i + 1; j < n; j++) {
          if (groups[i] != groups[j]) {
            apart++;
            ofApart += centred[i][j];
          }
        }
      }
      this.different = apart / pairs;
      this.squaresZ = pairs * different * (1 - different);
      this.yz = squaresY > 0 && squaresZ > 0 ? ofApart / Math.sqrt(squaresY * squaresZ) : Double.NaN;
    }

    private static double sum(double[][] matrix, double mean, int power) {
      double sum = 0;
      for (int i = 0; i < matrix.length; i++) {
        for (int j = i + 1; j < matrix.length; j++) {
          double value = matrix[i][j] - mean;
          sum += power == 1 ? value : value * value;
        }
      }
      return sum;
    }

    /** Writes both correlations of every matrix under every order at {@code from}, {@code from + 1}, .. */
    private void correlations(int[][] orders, double[][] plain, double[][] partial, int from) {
      int batch = orders.length;
      double[][] products = permutedProducts.of(orders);
      Grouping[] permuted = new Grouping[batch];
      for (int b = 0; b < batch; b++) {
        permuted[b] = Grouping.of(Permutations.apply(groups, orders[b]), count);
      }
      for (int m = 0; m < products.length; m++) {
        double[][] same = WithinSums.of(x.get(m), permuted);
        for (int b = 0; b < batch; b++) {
          double apart = (1 - different) * sumX[m] - Arrays.stream(same[b]).sum();
          double xy = correlation(products[m][b], squaresX[m], squaresY);
          double xz = correlation(apart, squaresX[m], squaresZ);
          plain[m][from + b] = xy;
          partial[m][from + b] = Correlation.partial(xy, xz, yz);
        }
      }
    }

    private static double correlation(double products, double squaresX, double squaresY) {
      return squaresX > 0 && squaresY > 0 ? products / Math.sqrt(squaresX * squaresY) : Double.NaN;
    }
  }
}
