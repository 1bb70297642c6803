package org.refusal.stats;

import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * What each category's prompts have of what is read: the mean of B Bᵀ v_p over the category's prompts, normalised; B is the
 * read-out, v_p the difference of prompt p from its partner (docs/evaluation.md, effect form). Pure arithmetic, the same for
 * a model's prompts and for simulated ones.
 */
public final class ReadDirections {
  private ReadDirections() {}

  /**
   * @param differences v_p {@code [n][d]}
   * @param categories of each, 0..count-1; another number leaves it out
   * @param weights of each prompt {@code [n]}
   * @param basis orthonormal rows of the read-out
   * @return a unit vector for each category, zero where the mean is zero {@code [count][d]}
   */
  public static double[][] of(
      double[][] differences, int[] categories, int count, double[] weights, double[][] basis) {
    int width = differences.length == 0 ? 0 : differences[0].length;
    double[][] sums = new double[count][width];
    for (int p = 0; p < differences.length; p++) {
      if (categories[p] >= 0 && categories[p] < count && weights[p] != 0) {
        for (int i = 0; i < width; i++) {
          sums[categories[p]][i] += weights[p] * differences[p][i];
        }
      }
    }
    double[][] directions = new double[count][];
    for (int c = 0; c < count; c++) {
      directions[c] = Vectors.unit(Vectors.project(basis, sums[c]));
    }
    return directions;
  }

  /** How often each prompt is drawn when every category draws as many as it has, with replacement {@code [n]}. */
  public static double[] resample(int[] categories, int count, SplittableRandom random) {
    double[] counts = new double[categories.length];
    for (int c = 0; c < count; c++) {
      int category = c;
      int[] rows = IntStream.range(0, categories.length).filter(p -> categories[p] == category).toArray();
      for (int draw = 0; draw < rows.length; draw++) {
        counts[rows[random.nextInt(rows.length)]]++;
      }
    }
    return counts;
  }
}
