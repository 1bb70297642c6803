package org.refusal.demo;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.refusal.data.Label;

/**
 * What taking away category i's direction at the decision layer takes from category j's refusals, where the directions are
 * known: the drop in the log-odds of refusing when, at the template positions after the text, what the prompt differs by
 * from a safe one along j's direction is taken away along i's.
 *
 * @param drops mean over j's prompts, in nats {@code [i][j]}
 */
record PlantedTransfer(double[][] drops) {
  /** The template positions after the user's text. */
  private static final int POST_INSTRUCTION = 2;

  /** Prompts of a category that it is measured on; their drops differ by some hundredths. */
  private static final int PROMPTS = 4;

  private static final int DECISION = 2;

  /** All of a category's own drop within a cluster, nothing between. */
  static PlantedTransfer planted(List<List<Integer>> clusters, int categories) {
    double[][] drops = new double[categories][categories];
    for (List<Integer> members : clusters) {
      for (int i : members) {
        for (int j : members) {
          drops[i][j] = 1;
        }
      }
    }
    return new PlantedTransfer(drops);
  }

  /** By intervening in the model, on prompts of its own kind: O(categories²) runs of three layers in float64. */
  static PlantedTransfer measured(PlainLlama model, PlantedSpec spec, PlantedWords words, double[][] directions) {
    PlantedPrompts prompts = new PlantedPrompts(spec, words);
    int refusal = words.id(PlantedWords.REFUSAL.get(0));
    int n = directions.length;
    double[][] drops = new double[n][n];
    for (int j = 0; j < n; j++) {
      int count = Math.min(PROMPTS, Math.min(spec.toxicSizes().get(j), spec.safeSizes().get(j)));
      for (int number = 0; number < count; number++) {
        PlainLlama.Run toxic = model.run(tokens(prompts.example(j, Label.TOXIC, number), words), (layer, x) -> {});
        double[][] safe = model.run(tokens(prompts.example(j, Label.SAFE, number), words), (layer, x) -> {}).residuals()[DECISION];
        double refused = PlainLlama.logOdds(toxic.logits(), refusal);
        for (int i = 0; i < n; i++) {
          double[][] taken = taken(toxic.residuals()[DECISION], safe, directions[i], directions[j]);
          double left = PlainLlama.logOdds(model.above(DECISION, taken, (layer, x) -> {}), refusal);
          drops[i][j] += (refused - left) / count;
        }
      }
    }
    return new PlantedTransfer(drops);
  }

  private static int[] tokens(String text, PlantedWords words) {
    List<String> all = new ArrayList<>(List.of(PlantedWords.OPEN));
    all.addAll(List.of(text.split(" ")));
    all.addAll(List.of(PlantedWords.CLOSE, PlantedWords.ARROW));
    int[] ids = new int[all.size() + 1];
    ids[0] = PlantedWords.BEGIN;
    for (int t = 0; t < all.size(); t++) {
      ids[t + 1] = words.id(all.get(t));
    }
    return ids;
  }

  private static double[][] taken(double[][] residuals, double[][] partner, double[] direction, double[] own) {
    double[][] taken = Arrays.stream(residuals).map(double[]::clone).toArray(double[][]::new);
    for (int back = 1; back <= POST_INSTRUCTION; back++) {
      double[] row = taken[taken.length - back];
      double[] other = partner[partner.length - back];
      double amount = 0;
      for (int d = 0; d < row.length; d++) {
        amount += (row[d] - other[d]) * own[d];
      }
      for (int d = 0; d < row.length; d++) {
        row[d] -= amount * direction[d];
      }
    }
    return taken;
  }

  /** Drops in units of the category's own: {@code [i][j]}. */
  double[][] relative() {
    double[][] relative = new double[drops.length][drops.length];
    for (int i = 0; i < drops.length; i++) {
      for (int j = 0; j < drops.length; j++) {
        relative[i][j] = drops[j][j] == 0 ? 0 : drops[i][j] / drops[j][j];
      }
    }
    return relative;
  }

  /** 1 - D: the mean drop between different categories over the mean own drop. */
  double sharedPart() {
    int n = drops.length;
    double all = 0;
    double own = 0;
    for (int i = 0; i < n; i++) {
      all += Arrays.stream(drops[i]).sum();
      own += drops[i][i];
    }
    return (all - own) / (n - 1) / own;
  }
}
