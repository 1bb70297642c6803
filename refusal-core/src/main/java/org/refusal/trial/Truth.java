package org.refusal.trial;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.SplittableRandom;
import org.refusal.config.StatsConfig;
import org.refusal.stats.AverageLinkage;
import org.refusal.stats.ReproducibleReadout;
import org.refusal.stats.TransferStatistics;
import org.refusal.stats.Vectors;
import org.refusal.verdict.Answer;
import org.refusal.verdict.Verdict;

/**
 * What infinitely many prompts would show: the transfer between categories under the directions that their populations have.
 *
 * @param drop mean drops in units of the gap {@code [i][j]}
 */
record Truth(double[][] drop) {

  /** A population of prompts. */
  interface Population {
    /** Mean of g. */
    double[] gradient();

    /** Mean of v. */
    double[] difference();

    /** Mean gap. */
    double gap();

    /** Mean of (g · direction)(own · v); {@code own} is the population's own direction. */
    double drop(double[] direction, double[] own);
  }

  /** Of populations whose read-out is what infinitely many prompts would give. */
  static Truth of(List<? extends Population> populations) {
    int k = populations.size();
    // every population's means twice: of pairs of equal prompts nothing but the mean comes back, and there is no floor
    double[][] gradients = new double[2 * k][];
    double[][] differences = new double[2 * k][];
    int[] labels = new int[2 * k];
    for (int p = 0; p < labels.length; p++) {
      labels[p] = p / 2;
      gradients[p] = populations.get(p / 2).gradient();
      differences[p] = populations.get(p / 2).difference();
    }
    return of(
        populations,
        ReproducibleReadout.of(gradients, differences, labels, k, new SplittableRandom(0)).basis());
  }

  /** @param basis orthonormal rows of what is read */
  static Truth of(List<? extends Population> populations, double[][] basis) {
    int k = populations.size();
    double[][] directions = new double[k][];
    for (int c = 0; c < k; c++) {
      directions[c] = Vectors.unit(Vectors.project(basis, populations.get(c).difference()));
    }
    double[][] drop = new double[k][k];
    for (int i = 0; i < k; i++) {
      for (int j = 0; j < k; j++) {
        drop[i][j] = populations.get(j).drop(directions[i], directions[j]) / populations.get(j).gap();
      }
    }
    return new Truth(drop);
  }

  double distinctness() {
    return TransferStatistics.distinctness(drop);
  }

  double sharedPart() {
    return 1 - distinctness();
  }

  double transfer(int i, int j) {
    return (drop[i][j] + drop[j][i]) / (drop[i][i] + drop[j][j]);
  }

  /**
   * Mean cosine over pairs of the means of B Bᵀ v: what S of the effect vectors estimates. S takes the read-out as it was
   * found and says nothing of how well it is known.
   *
   * @param means of v over each category's population
   */
  static double meanSimilarity(double[][] basis, double[][] means) {
    double[][] units =
        Arrays.stream(means)
            .map(mean -> Vectors.unit(Vectors.project(basis, mean)))
            .toArray(double[][]::new);
    double sum = 0;
    int pairs = 0;
    for (int i = 0; i < units.length; i++) {
      for (int j = i + 1; j < units.length; j++) {
        sum += Vectors.dot(units[i], units[j]);
        pairs++;
      }
    }
    return sum / pairs;
  }

  /** Categories joined by average linkage on the true transfers, cut as the verdict cuts. */
  List<List<Integer>> clusters(StatsConfig.Verdict thresholds) {
    double[][] transfers = new double[drop.length][drop.length];
    for (int i = 0; i < drop.length; i++) {
      for (int j = 0; j < drop.length; j++) {
        transfers[i][j] = i == j ? 1 : transfer(i, j);
      }
    }
    return AverageLinkage.of(transfers).cut(thresholds.clusterCut());
  }

  /** The answer that the truth deserves: the verdict's rules without intervals. */
  Answer answer(StatsConfig.Verdict thresholds) {
    int k = drop.length;
    double shared = 0;
    double distinct = 0;
    double pairs = k * (k - 1) / 2.;
    for (int i = 0; i < k; i++) {
      for (int j = i + 1; j < k; j++) {
        shared += transfer(i, j) >= thresholds.shared() ? 1 : 0;
        distinct += transfer(i, j) <= thresholds.distinct() ? 1 : 0;
      }
    }
    if (shared >= thresholds.pairShare() * pairs && distinctness() <= thresholds.oneCauseD()) {
      return Answer.MONOLITHIC;
    }
    if (distinct >= thresholds.pairShare() * pairs && distinctness() >= thresholds.severalCausesD()) {
      return Answer.MODULAR;
    }
    return clustered(thresholds) ? Answer.MIXED : Answer.GRADED;
  }

  /** Whether some categories belong together by more than the gap; equal transfers make no clusters at the cut. */
  private boolean clustered(StatsConfig.Verdict thresholds) {
    int[] clusterOf = new int[drop.length];
    List<List<Integer>> clusters = clusters(thresholds);
    for (int cluster = 0; cluster < clusters.size(); cluster++) {
      for (int category : clusters.get(cluster)) {
        clusterOf[category] = cluster;
      }
    }
    double within = Double.POSITIVE_INFINITY;
    double between = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < drop.length; i++) {
      for (int j = i + 1; j < drop.length; j++) {
        if (clusterOf[i] == clusterOf[j]) {
          within = Math.min(within, transfer(i, j));
        } else {
          between = Math.max(between, transfer(i, j));
        }
      }
    }
    return Double.isFinite(within) && Double.isFinite(between) && within - between >= thresholds.clusterGap();
  }

  /** Whether the shared part is so near a bar that the answers to either side of it are equally right. */
  boolean atBar(StatsConfig.Verdict thresholds, double tolerance) {
    return Math.abs(distinctness() - thresholds.oneCauseD()) < tolerance
        || Math.abs(distinctness() - thresholds.severalCausesD()) < tolerance;
  }

  /** Whether an answer says what is not so; INCONCLUSIVE never does. */
  boolean contradicts(Verdict verdict, List<String> categories, StatsConfig.Verdict thresholds) {
    if (verdict.answer() == Answer.INCONCLUSIVE) {
      return false;
    }
    if (verdict.answer() != answer(thresholds)) {
      return true;
    }
    return verdict.answer() == Answer.MIXED
        && !new HashSet<>(verdict.clusters())
            .equals(
                new HashSet<>(
                    clusters(thresholds).stream()
                        .map(cluster -> cluster.stream().map(categories::get).toList())
                        .toList()));
  }
}
