package org.refusal.stats;

import java.util.SplittableRandom;
import org.refusal.base.Seeds;

/** Cosines between the means of random halves of categories. */
final class HalfMeans {
  private final double[] squares; // of each item
  private final GroupSums products;

  /** O(n^2). */
  HalfMeans(GramMatrix gram) {
    this.squares = new double[gram.size()];
    for (int i = 0; i < squares.length; i++) {
      squares[i] = gram.at(i, i);
    }
    this.products = new GroupSums(gram);
  }

  /** Which half each item of a category falls into at random: 0 or 1, the larger half being 1. */
  static int[] random(Grouping categories, SplittableRandom random) {
    int[] halves = new int[categories.items()];
    for (int group = 0; group < categories.count(); group++) {
      int[] shuffled = categories.members(group).clone();
      Seeds.shuffle(shuffled, random);
      for (int i = shuffled.length / 2; i < shuffled.length; i++) {
        halves[shuffled[i]] = 1;
      }
    }
    return halves;
  }

  /**
   * Mean diagonal less mean off-diagonal of the cosines of half 0 of category i and half 1 of category j, for each
   * labelling. O(labellings * n^2 / 2).
   *
   * @param categories {@code [labellings]}
   * @param halves {@code [labellings, n]} of 0 and 1
   */
  double[] statistics(Grouping[] categories, int[][] halves) {
    Grouping[] parts = new Grouping[categories.length];
    for (int b = 0; b < parts.length; b++) {
      int[] part = new int[squares.length];
      for (int i = 0; i < part.length; i++) {
        part[i] = 2 * categories[b].labels()[i] + halves[b][i];
      }
      parts[b] = Grouping.of(part, 2 * categories[b].count());
    }
    double[][][] sums = products.of(parts);
    double[] statistics = new double[parts.length];
    for (int b = 0; b < statistics.length; b++) {
      statistics[b] = statistic(parts[b], sums[b]);
    }
    return statistics;
  }

  private double statistic(Grouping parts, double[][] sums) {
    int categories = parts.count() / 2;
    double[] norms = new double[parts.count()];
    for (int part = 0; part < norms.length; part++) {
      double square = 2 * sums[part][part];
      for (int member : parts.members(part)) {
        square += squares[member];
      }
      int size = parts.size(part);
      norms[part] = size == 0 ? Double.NaN : Math.sqrt(Math.max(0, square)) / size;
    }
    double diagonal = 0;
    double offDiagonal = 0;
    for (int i = 0; i < categories; i++) {
      for (int j = 0; j < categories; j++) {
        int first = 2 * i;
        int second = 2 * j + 1;
        double pairs = (double) parts.size(first) * parts.size(second);
        double cosine = sums[first][second] / pairs / (norms[first] * norms[second]);
        if (i == j) {
          diagonal += cosine;
        } else {
          offDiagonal += cosine;
        }
      }
    }
    return diagonal / categories - offDiagonal / (categories * (categories - 1.0));
  }
}
