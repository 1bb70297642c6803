package org.refusal.stats;

import java.util.Arrays;

/**
 * Sums of a symmetric matrix over pairs of distinct items by the groups of both, for many labellings of the items.
 *
 * <p>The rows of each group are added up over a panel of columns that stays in the cache, then the columns of that sum by
 * their group. Unlike sums of single values at scattered places, sums of rows run on the processor's vector units.
 */
final class GroupSums {
  /** Labellings per pass over the matrix. */
  static final int BATCH = 32;

  /** Columns per panel: enough for vector units, and few enough that a panel of 1,500 rows takes 1.5 MB of cache. */
  private static final int WIDTH = 128;

  private final int n;
  private final double[][][] panels; // [n / WIDTH][rows before the panel's last][WIDTH], upper triangle without diagonal

  /** O(n^2) time, 4 n^2 bytes. */
  GroupSums(GramMatrix matrix) {
    this.n = matrix.size();
    this.panels = new double[(n + WIDTH - 1) / WIDTH][][];
    for (int panel = 0; panel < panels.length; panel++) {
      int start = panel * WIDTH;
      int end = Math.min(n, start + WIDTH);
      panels[panel] = new double[end - 1][end - start];
      for (int row = 0; row < end - 1; row++) {
        for (int column = Math.max(start, row + 1); column < end; column++) {
          panels[panel][row][column - start] = matrix.at(row, column);
        }
      }
    }
  }

  /**
   * Symmetric sums of each labelling {@code [labellings, groups, groups]}: over pairs of one item in either group; on the
   * diagonal over pairs within the group. O(labellings * (n^2 / 2 + n groups)).
   */
  double[][][] of(Grouping[] labellings) {
    double[][][] sums = new double[labellings.length][][];
    for (int b = 0; b < sums.length; b++) {
      sums[b] = new double[labellings[b].count()][labellings[b].count()];
    }
    for (int panel = 0; panel < panels.length; panel++) {
      double[] total = new double[Math.min(WIDTH, n - panel * WIDTH)];
      for (int b = 0; b < sums.length; b++) {
        add(panel, labellings[b], total, sums[b]);
      }
    }
    for (double[][] sum : sums) {
      for (int i = 0; i < sum.length; i++) {
        for (int j = i + 1; j < sum.length; j++) {
          sum[i][j] += sum[j][i];
          sum[j][i] = sum[i][j];
        }
      }
    }
    return sums;
  }

  /** Adds a panel's share, with the sum of a group's rows in {@code total} meanwhile. */
  private void add(int panel, Grouping groups, double[] total, double[][] sums) {
    double[][] rows = panels[panel];
    int[] labels = groups.labels();
    int start = panel * WIDTH;
    for (int group = 0; group < groups.count(); group++) {
      int[] members = groups.members(group);
      Arrays.fill(total, 0);
      RowSums.add(rows, members, countBelow(members, rows.length), total);
      double[] sum = sums[group];
      for (int i = 0; i < total.length; i++) {
        sum[labels[start + i]] += total[i];
      }
    }
  }

  /** How many of the members, which ascend, are below the bound. */
  private static int countBelow(int[] members, int bound) {
    int count = members.length;
    while (count > 0 && members[count - 1] >= bound) {
      count--;
    }
    return count;
  }
}
