package org.refusal.trial;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.refusal.base.Seeds;
import org.refusal.stats.Vectors;

/**
 * Categories made of a real model's prompts: each draws its prompts, with replacement, from all prompts by weights of its
 * own, so that what infinitely many prompts would show is a weighted sum.
 *
 * @param prompts of the model
 * @param weights of every prompt in each category {@code [K][n]}, rows of sum 1
 */
record PromptMixture(LinearTransfer.Prompts prompts, double[][] weights, int discovery, int heldout, int resamples)
    implements World {

  /** K categories that are all the same: prompts of one category. */
  static PromptMixture same(
      LinearTransfer.Prompts prompts, int category, int categories, int discovery, int heldout, int resamples) {
    int[] rows = prompts.rows(category);
    double[][] weights = new double[categories][prompts.categories().length];
    for (double[] row : weights) {
      IntStream.of(rows).forEach(p -> row[p] = 1. / rows.length);
    }
    return new PromptMixture(prompts, weights, discovery, heldout, resamples);
  }

  /** As many categories as the model's, each of which takes the share {@code common} of its prompts from all of them alike. */
  static PromptMixture mixed(
      LinearTransfer.Prompts prompts, double common, int discovery, int heldout, int resamples) {
    int k = prompts.count();
    double[][] weights = new double[k][prompts.categories().length];
    for (int from = 0; from < k; from++) {
      int[] rows = prompts.rows(from);
      for (int c = 0; c < k; c++) {
        double share = common / k + (c == from ? 1 - common : 0);
        for (int p : rows) {
          weights[c][p] = share / rows.length;
        }
      }
    }
    return new PromptMixture(prompts, weights, discovery, heldout, resamples);
  }

  @Override
  public int categories() {
    return weights.length;
  }

  @Override
  public Truth truth() {
    return Truth.of(Arrays.stream(weights).map(Category::new).toList());
  }

  @Override
  public double[][] meanDifferences() {
    return Arrays.stream(weights).map(row -> new Category(row).difference()).toArray(double[][]::new);
  }

  private final class Category implements Truth.Population {
    private final double[] weights;

    Category(double[] weights) {
      this.weights = weights;
    }

    private double[] mean(double[][] vectors) {
      double[] mean = new double[vectors[0].length];
      for (int p = 0; p < vectors.length; p++) {
        for (int i = 0; i < mean.length && weights[p] > 0; i++) {
          mean[i] += weights[p] * vectors[p][i];
        }
      }
      return mean;
    }

    @Override
    public double[] gradient() {
      return mean(prompts.gradients());
    }

    @Override
    public double[] difference() {
      return mean(prompts.differences());
    }

    @Override
    public double gap() {
      return IntStream.range(0, weights.length).mapToDouble(p -> weights[p] * prompts.gaps()[p]).sum();
    }

    @Override
    public double drop(double[] direction, double[] own) {
      return IntStream.range(0, weights.length)
          .filter(p -> weights[p] > 0)
          .mapToDouble(p -> weights[p]
              * Vectors.dot(prompts.gradients()[p], direction)
              * Vectors.dot(prompts.differences()[p], own))
          .sum();
    }
  }

  @Override
  public LinearTransfer transfer(long seed) {
    return LinearTransfer.measure(
        draw(discovery, Seeds.random(seed, "discovery")),
        draw(heldout, Seeds.random(seed, "held out")),
        new LinearTransfer.Draws(resamples, Simulation.CONTROLS, Seeds.derive(seed, "measurement")));
  }

  /** Prompts of all categories, one after the other. */
  LinearTransfer.Prompts draw(int perCategory, SplittableRandom random) {
    int[] rows = new int[weights.length * perCategory];
    int[] labels = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      labels[i] = i / perCategory;
      rows[i] = drawn(weights[labels[i]], random.nextDouble());
    }
    return prompts.select(rows, labels, weights.length);
  }

  private static int drawn(double[] weights, double at) {
    double sum = 0;
    int last = 0;
    for (int p = 0; p < weights.length; p++) {
      if (weights[p] > 0) {
        last = p;
        sum += weights[p];
        if (at < sum) {
          return p;
        }
      }
    }
    return last; // rounding
  }
}
