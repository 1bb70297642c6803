package org.refusal.stats;

import java.util.ArrayList;
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
  /** Permutations per pass over the matrices: their rows fit a core's cache together. */
  private static final int BATCH = 16;

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
    int batches = (resampling.draws() + BATCH - 1) / BATCH;
    Parallel.forEach(
        batches,
        resampling.threads(),
        batch -> {
          int from = batch * BATCH;
          int[][] orders = new int[Math.min(BATCH, resampling.draws() - from)][];
          for (int i = 0; i < orders.length; i++) {
            orders[i] = Permutations.within(y.length, null, resampling.stream(from + i));
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
    private final double[][] centred; // y less its mean over pairs
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
      this.centred = new double[n][n];
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          centred[i][j] = y[i][j] - mean;
        }
      }
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
      double[][] products = new double[x.size()][batch]; // sum of x times permuted centred y
      double[][] same = new double[x.size()][batch]; // sum of x over pairs of one permuted group
      double[][] rows = new double[batch][n];
      Grouping[] permuted = new Grouping[batch];
      int[][] seen = new int[batch][count];
      for (int b = 0; b < batch; b++) {
        permuted[b] = Grouping.of(Permutations.apply(groups, orders[b]), count);
      }
      for (int i = 0; i < n; i++) {
        for (int b = 0; b < batch; b++) {
          int[] order = orders[b];
          double[] source = centred[order[i]];
          double[] row = rows[b];
          for (int j = i + 1; j < n; j++) {
            row[j] = source[order[j]];
          }
          seen[b][permuted[b].labels()[i]]++;
        }
        for (int m = 0; m < products.length; m++) {
          double[] own = x.get(m)[i];
          for (int b = 0; b < batch; b++) {
            int group = permuted[b].labels()[i];
            int[] members = permuted[b].members(group);
            products[m][b] += dot(own, rows[b], i + 1, n);
            same[m][b] += SeparationTest.gather(own, 0, members, seen[b][group], members.length);
          }
        }
      }
      for (int m = 0; m < products.length; m++) {
        for (int b = 0; b < batch; b++) {
          double xy = correlation(products[m][b], squaresX[m], squaresY);
          double xz = correlation((1 - different) * sumX[m] - same[m][b], squaresX[m], squaresZ);
          plain[m][from + b] = xy;
          partial[m][from + b] = Correlation.partial(xy, xz, yz);
        }
      }
    }

    private static double correlation(double products, double squaresX, double squaresY) {
      return squaresX > 0 && squaresY > 0 ? products / Math.sqrt(squaresX * squaresY) : Double.NaN;
    }

    private static double dot(double[] a, double[] b, int from, int to) {
      double first = 0;
      double second = 0;
      double third = 0;
      double fourth = 0;
      int i = from;
      for (; i + 3 < to; i += 4) {
        first += a[i] * b[i];
        second += a[i + 1] * b[i + 1];
        third += a[i + 2] * b[i + 2];
        fourth += a[i + 3] * b[i + 3];
      }
      for (; i < to; i++) {
        first += a[i] * b[i];
      }
      return (first + second) + (third + fourth);
    }
  }
}
