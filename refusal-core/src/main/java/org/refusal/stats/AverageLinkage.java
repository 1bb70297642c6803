package org.refusal.stats;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Average-linkage clustering (UPGMA) of items by their similarity.
 *
 * @param merges {@code n - 1} merges, most similar first
 * @param order items as the leaves of the dendrogram from left to right: at each merge the part that holds the smaller
 *     item number comes first
 */
public record AverageLinkage(int items, List<Merge> merges, int[] order) {

  /**
   * Two clusters become one. Items are clusters 0..n-1; merge m makes cluster n + m.
   *
   * @param similarity mean similarity over the pairs of items across
   */
  public record Merge(int left, int right, double similarity, int size) {}

  /**
   * @param similarity {@code [n, n]}, symmetric; NaN counts as the least similarity there is, -1. Ties merge the pair
   *     with the smallest item numbers first. O(n^3)
   */
  public static AverageLinkage of(double[][] similarity) {
    int n = similarity.length;
    List<int[]> active = new ArrayList<>(); // sorted members
    List<Integer> names = new ArrayList<>();
    for (int item = 0; item < n; item++) {
      active.add(new int[] {item});
      names.add(item);
    }
    List<int[]> leaves = new ArrayList<>(active);
    List<Merge> merges = new ArrayList<>();
    while (active.size() > 1) {
      int bestA = 0;
      int bestB = 1;
      double best = Double.NEGATIVE_INFINITY;
      for (int a = 0; a < active.size(); a++) {
        for (int b = a + 1; b < active.size(); b++) {
          double mean = meanAcross(similarity, active.get(a), active.get(b));
          if (mean > best) {
            best = mean;
            bestA = a;
            bestB = b;
          }
        }
      }
      int[] joined = concat(leaves.get(bestA), leaves.get(bestB));
      int[] members = joined.clone();
      Arrays.sort(members);
      merges.add(new Merge(names.get(bestA), names.get(bestB), best, members.length));
      active.set(bestA, members);
      leaves.set(bestA, joined);
      names.set(bestA, n + merges.size() - 1);
      active.remove(bestB);
      leaves.remove(bestB);
      names.remove(bestB);
    }
    return new AverageLinkage(n, List.copyOf(merges), n == 0 ? new int[0] : leaves.get(0));
  }

  private static double meanAcross(double[][] similarity, int[] a, int[] b) {
    double sum = 0;
    for (int i : a) {
      for (int j : b) {
        sum += Double.isNaN(similarity[i][j]) ? -1 : similarity[i][j];
      }
    }
    return sum / (a.length * b.length);
  }

  private static int[] concat(int[] a, int[] b) {
    int[] joined = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, joined, a.length, b.length);
    return joined;
  }

  /** The clusters left when only merges of at least this similarity are made: sorted members, by smallest member. */
  public List<List<Integer>> cut(double atLeast) {
    List<List<Integer>> clusters = new ArrayList<>();
    for (int item = 0; item < items; item++) {
      clusters.add(List.of(item));
    }
    List<List<Integer>> current = new ArrayList<>(clusters);
    for (Merge merge : merges) {
      List<Integer> joined = new ArrayList<>();
      if (merge.similarity() >= atLeast
          && !clusters.get(merge.left()).isEmpty()
          && !clusters.get(merge.right()).isEmpty()) {
        joined.addAll(clusters.get(merge.left()));
        joined.addAll(clusters.get(merge.right()));
        joined.sort(Comparator.naturalOrder());
        current.remove(clusters.get(merge.left()));
        current.remove(clusters.get(merge.right()));
        current.add(List.copyOf(joined));
      }
      clusters.add(joined);
    }
    current.sort(Comparator.comparing(members -> members.get(0)));
    return List.copyOf(current);
  }

  /**
   * How often each cluster of the cut comes out, exactly so, when the similarities are resampled.
   *
   * @param draws {@code [B][n][n]} resampled similarities
   */
  public static double[] support(List<List<Integer>> clusters, double[][][] draws, double atLeast) {
    double[] support = new double[clusters.size()];
    for (double[][] draw : draws) {
      List<List<Integer>> found = of(draw).cut(atLeast);
      for (int cluster = 0; cluster < support.length; cluster++) {
        support[cluster] += found.contains(clusters.get(cluster)) ? 1 : 0;
      }
    }
    for (int cluster = 0; cluster < support.length; cluster++) {
      support[cluster] /= draws.length;
    }
    return support;
  }
}
