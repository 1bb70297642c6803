package org.refusal.verdict;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import org.refusal.stats.Bootstrap;
import org.refusal.stats.Interval;
import org.refusal.stats.Parallel;
import org.refusal.stats.Resampling;
import org.refusal.verdict.SharingEvidence.TransferDrops;
import org.refusal.verdict.VectorTests.Estimate;

/**
 * Transfer of one form at one hook point, in units of the refusal gap Delta (docs/evaluation.md).
 *
 * @param drop mean drop {@code [i][j]}: i's part removed, on j's held-out prompts
 * @param ownDrop mean over i of drop_ii
 * @param controlDrop mean drop under random parts of equal size; NaN without controls
 * @param distinctness D = 1 - mean of drop_ij over i != j / mean of drop_ii: 0 when every category's part serves all, 1
 *     when it serves its own only; may leave [0, 1]
 * @param within D over pairs of one cluster only; NaN when no cluster has two categories
 * @param between D over pairs of different clusters only; NaN with one cluster
 * @param weak why D means nothing here, or null
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record TransferTests(
    double[][] drop,
    Estimate ownDrop,
    Estimate controlDrop,
    Estimate distinctness,
    Estimate within,
    Estimate between,
    String weak) {

  private static final double LEVEL = 0.95;

  /**
   * Every resample draws held-out prompts with replacement within each category (the same prompts for every i, drops and
   * Delta alike) and, where there are any, for each i the deviation of one of the resampled parts, to either side of the
   * drops themselves: the few resampled parts that a run can afford would otherwise narrow and shift the interval. O(B K^2
   * n).
   *
   * @param gap {@code [category][prompt]} m less m of the partner
   * @param clusters of categories, by index
   */
  static TransferTests of(
      TransferDrops drops, double[][] gap, List<List<Integer>> clusters, double weakDrop, Resampling bootstrap) {
    int k = gap.length;
    int[] clusterOf = new int[k];
    for (int cluster = 0; cluster < clusters.size(); cluster++) {
      for (int category : clusters.get(cluster)) {
        clusterOf[category] = cluster;
      }
    }
    double[][] ones = new double[k][];
    for (int j = 0; j < k; j++) {
      ones[j] = new double[gap[j].length];
      Arrays.fill(ones[j], 1);
    }
    double[][] observed = new double[k][];
    for (int i = 0; i < k; i++) {
      observed[i] = row(drops.drops()[i], gap, ones);
    }
    double observedControl = control(drops.controls(), gap, ones);
    double[][][] resampled = new double[bootstrap.draws()][k][];
    double[] controls = new double[bootstrap.draws()];
    Parallel.forEach(
        bootstrap.draws(),
        bootstrap.threads(),
        draw -> {
          SplittableRandom random = bootstrap.stream(draw);
          double[][] weights = new double[k][];
          for (int j = 0; j < k; j++) {
            weights[j] = new double[gap[j].length];
            for (int p = 0; p < gap[j].length; p++) {
              weights[j][random.nextInt(gap[j].length)]++;
            }
          }
          for (int i = 0; i < k; i++) {
            double[] row = row(drops.drops()[i], gap, weights);
            if (drops.resamples().length > 0) {
              double[][][] source = drops.resamples()[random.nextInt(drops.resamples().length)];
              deviate(row, row(source[i], gap, weights), random.nextBoolean());
            }
            resampled[draw][i] = row;
          }
          controls[draw] = control(drops.controls(), gap, weights);
        });
    Estimate own = estimate(observed, resampled, gap, TransferTests::own);
    Estimate control = new Estimate(observedControl, Bootstrap.percentile(controls, LEVEL));
    return new TransferTests(
        observed,
        own,
        control,
        estimate(observed, resampled, gap, matrix -> distinctness(matrix, clusterOf, Pairs.ALL)),
        estimate(observed, resampled, gap, matrix -> distinctness(matrix, clusterOf, Pairs.WITHIN)),
        estimate(observed, resampled, gap, matrix -> distinctness(matrix, clusterOf, Pairs.BETWEEN)),
        weakness(own, control, weakDrop));
  }

  /** The row moved by the difference of another, or against it. */
  private static void deviate(double[] row, double[] other, boolean towards) {
    for (int j = 0; j < row.length; j++) {
      row[j] = towards ? other[j] : 2 * row[j] - other[j];
    }
  }

  private enum Pairs {
    ALL,
    WITHIN,
    BETWEEN
  }

  private static Estimate estimate(
      double[][] observed, double[][][] resampled, double[][] gap, ToDoubleFunction<double[][]> statistic) {
    int smallest = Arrays.stream(gap).mapToInt(prompts -> prompts.length).min().orElse(0);
    int degrees = Arrays.stream(gap).mapToInt(prompts -> prompts.length - 1).sum();
    double[] draws = new double[resampled.length];
    for (int draw = 0; draw < draws.length; draw++) {
      draws[draw] = statistic.applyAsDouble(resampled[draw]);
    }
    double value = statistic.applyAsDouble(observed);
    return new Estimate(
        value,
        Double.isNaN(value) ? Interval.undefined(LEVEL) : Bootstrap.expandedPercentile(draws, smallest, degrees, LEVEL));
  }

  private static String weakness(Estimate own, Estimate control, double weakDrop) {
    if (!Double.isFinite(own.value())) {
      return "the own drop is undefined";
    }
    if (own.value() < weakDrop) {
      return "the own drop of %s is below %s of the refusal gap"
          .formatted(Sentences.number(own.value()), Sentences.number(weakDrop));
    }
    if (Double.isFinite(control.value()) && !(own.interval().low() > control.interval().high())) {
      return "the interval of the own drop, %s, meets that of random parts of equal size, %s"
          .formatted(Sentences.interval(own.interval()), Sentences.interval(control.interval()));
    }
    return null;
  }

  /** Drops of one part on every category, in units of Delta; NaN where Delta is not positive. */
  private static double[] row(double[][] drops, double[][] gap, double[][] weights) {
    double[] row = new double[gap.length];
    for (int j = 0; j < row.length; j++) {
      row[j] = ratio(drops[j], gap[j], weights[j]);
    }
    return row;
  }

  private static double ratio(double[] drops, double[] gap, double[] weights) {
    double above = 0;
    double below = 0;
    for (int p = 0; p < drops.length; p++) {
      above += weights[p] * drops[p];
      below += weights[p] * gap[p];
    }
    return below > 0 ? above / below : Double.NaN;
  }

  private static double control(double[][][] controls, double[][] gap, double[][] weights) {
    double sum = 0;
    for (double[][] control : controls) {
      for (int j = 0; j < control.length; j++) {
        sum += ratio(control[j], gap[j], weights[j]);
      }
    }
    return controls.length == 0 ? Double.NaN : sum / (controls.length * gap.length);
  }

  private static double own(double[][] drop) {
    double sum = 0;
    for (int i = 0; i < drop.length; i++) {
      sum += drop[i][i];
    }
    return sum / drop.length;
  }

  private static double distinctness(double[][] drop, int[] clusterOf, Pairs pairs) {
    double across = 0;
    int count = 0;
    double own = 0;
    int owners = 0;
    for (int i = 0; i < drop.length; i++) {
      boolean counted = false;
      for (int j = 0; j < drop.length; j++) {
        boolean same = clusterOf[i] == clusterOf[j];
        if (i != j && (pairs == Pairs.ALL || same == (pairs == Pairs.WITHIN))) {
          across += drop[i][j];
          count++;
          counted = true;
        }
      }
      if (counted) {
        own += drop[i][i];
        owners++;
      }
    }
    return count == 0 || !(own > 0) ? Double.NaN : 1 - across / count / (own / owners);
  }

  /** Whether D may be used. */
  boolean usable() {
    return weak == null && distinctness.interval().isDefined();
  }
}
