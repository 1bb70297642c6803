package org.refusal.stats;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Transfer of one form at one hook point, in units of the refusal gap Delta (docs/evaluation.md). The one place in which
 * drops become D, t and their intervals.
 *
 * @param drop mean drop {@code [i][j]}: i's part removed, on j's held-out prompts
 * @param ownDrop mean over i of drop_ii
 * @param controlDrop mean drop under random parts of equal size; NaN without controls
 * @param distinctness D = 1 - mean of drop_ij over i != j / mean of drop_ii: 0 when every category's part serves all, 1
 *     when it serves its own only; may leave [0, 1]
 * @param pairs causal transfer of every pair of categories, in order
 * @param clusters average linkage on the pairs' transfer, cut; by category index
 * @param support share of the resamples in which exactly that cluster comes out
 * @param within transfer over pairs of one cluster only, 1 - D of those pairs; NaN when no cluster has two categories
 * @param between the same over pairs of different clusters; NaN with one cluster
 * @param weak why D means nothing here, or null
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record TransferStatistics(
    double[][] drop,
    Estimate ownDrop,
    Estimate controlDrop,
    Estimate distinctness,
    List<Pair> pairs,
    List<List<Integer>> clusters,
    double[] support,
    Estimate within,
    Estimate between,
    String weak) {

  private static final double LEVEL = 0.95;
  private static final double NARROW = 0.90;

  /**
   * Of two categories.
   *
   * @param transfer t = (drop_ij + drop_ji) / (drop_ii + drop_jj): how much of each other's refusal their parts carry
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Pair(int i, int j, double transfer, Interval interval90, Interval interval95) {}

  /**
   * What is called weak, and where the tree is cut.
   *
   * @param weakDrop least own drop, in units of {@code unit}
   * @param clusterCut least mean transfer within a cluster
   * @param unit of the drops, in words
   */
  public record Bars(double weakDrop, double clusterCut, String unit) {}

  /**
   * Every draw takes held-out prompts with replacement within each category (the same prompts for every i, drops and Delta
   * alike). Where there are parts from resampled discovery prompts, it also moves all drops together by what the parts are
   * uncertain by: less their bias (the mean of the resampled parts' drops less the drops), plus a multivariate t deviation
   * with the resampled parts' covariance and as many degrees of freedom. Few resamples make intervals wide, not false: the
   * bias is itself known to 1 / sqrt(R) only, and the covariance to R - 1 degrees. O(B K^2 n R).
   *
   * @param gap {@code [category][prompt]} m less m of the partner
   */
  public static TransferStatistics of(TransferDrops drops, double[][] gap, Bars bars, Resampling bootstrap) {
    int k = gap.length;
    int[][] once = once(gap);
    double[][] observed = new double[k][];
    for (int i = 0; i < k; i++) {
      observed[i] = row(drops.drops()[i], gap, once);
    }
    double observedControl = control(drops.controls(), gap, once);
    double[][][] resampled = new double[bootstrap.draws()][k][];
    double[] controls = new double[bootstrap.draws()];
    Parallel.forEach(
        bootstrap.draws(),
        bootstrap.threads(),
        draw -> {
          SplittableRandom random = bootstrap.stream(draw);
          int[][] counts = new int[k][];
          for (int j = 0; j < k; j++) {
            counts[j] = Bootstrap.counts(gap[j].length, random);
          }
          for (int i = 0; i < k; i++) {
            resampled[draw][i] = row(drops.drops()[i], gap, counts);
          }
          if (drops.resamples().length > 0) {
            deviate(resampled[draw], resampledParts(drops, gap, counts), random);
          }
          controls[draw] = control(drops.controls(), gap, counts);
        });
    int[] all = IntStream.range(0, k).toArray();
    Estimate own = estimate(observed, resampled, gap, all, TransferStatistics::own);
    Estimate control = new Estimate(observedControl, Bootstrap.percentile(controls, LEVEL));
    double[][] transfer = transfer(observed);
    List<List<Integer>> clusters = AverageLinkage.of(transfer).cut(bars.clusterCut());
    double[] support =
        AverageLinkage.support(
            clusters,
            Arrays.stream(resampled).map(TransferStatistics::transfer).toArray(double[][][]::new),
            bars.clusterCut());
    int[] clusterOf = new int[k];
    for (int cluster = 0; cluster < clusters.size(); cluster++) {
      for (int category : clusters.get(cluster)) {
        clusterOf[category] = cluster;
      }
    }
    return new TransferStatistics(
        observed,
        own,
        control,
        estimate(observed, resampled, gap, all, TransferStatistics::distinctness),
        pairs(observed, resampled, gap),
        clusters,
        support,
        estimate(observed, resampled, gap, all, matrix -> across(matrix, clusterOf, true)),
        estimate(observed, resampled, gap, all, matrix -> across(matrix, clusterOf, false)),
        weakness(own, control, bars));
  }

  /** Mean drops {@code [resample][i][j]}. */
  private static double[][][] resampledParts(TransferDrops drops, double[][] gap, int[][] counts) {
    return Arrays.stream(drops.resamples())
        .map(resample ->
            Arrays.stream(resample).map(row -> row(row, gap, counts)).toArray(double[][]::new))
        .toArray(double[][][]::new);
  }

  /** Moves the drops by bias and deviation of their parts; the resamples are those of all parts together. */
  private static void deviate(double[][] drops, double[][][] resamples, SplittableRandom random) {
    int count = resamples.length;
    double[] multiplier = new double[count];
    double squares = 0;
    for (int b = 0; b < count; b++) {
      multiplier[b] = random.nextGaussian();
      double other = random.nextGaussian();
      squares += b == 0 ? 0 : other * other;
    }
    double scale = Math.sqrt((1 + 1. / count) / squares); // chi^2 of R - 1 degrees: (R - 1) cancels
    for (int i = 0; i < drops.length; i++) {
      for (int j = 0; j < drops.length; j++) {
        double mean = 0;
        for (double[][] resample : resamples) {
          mean += resample[i][j] / count;
        }
        double moved = 2 * drops[i][j] - mean;
        for (int b = 0; b < count; b++) {
          moved += scale * multiplier[b] * (resamples[b][i][j] - mean);
        }
        drops[i][j] = moved;
      }
    }
  }

  private static List<Pair> pairs(double[][] observed, double[][][] resampled, double[][] gap) {
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < gap.length; i++) {
      for (int j = i + 1; j < gap.length; j++) {
        int a = i;
        int b = j;
        double[] draws = Arrays.stream(resampled).mapToDouble(drop -> transfer(drop, a, b)).toArray();
        double value = transfer(observed, i, j);
        pairs.add(
            new Pair(
                i, j, value, interval(value, draws, gap, new int[] {i, j}, NARROW),
                interval(value, draws, gap, new int[] {i, j}, LEVEL)));
      }
    }
    return List.copyOf(pairs);
  }

  private static Estimate estimate(
      double[][] observed, double[][][] resampled, double[][] gap, int[] categories,
      ToDoubleFunction<double[][]> statistic) {
    double[] draws = Arrays.stream(resampled).mapToDouble(statistic).toArray();
    double value = statistic.applyAsDouble(observed);
    return new Estimate(value, interval(value, draws, gap, categories, LEVEL));
  }

  private static Interval interval(double value, double[] draws, double[][] gap, int[] categories, double level) {
    int smallest = Arrays.stream(categories).map(j -> gap[j].length).min().orElse(0);
    int degrees = Arrays.stream(categories).map(j -> gap[j].length - 1).sum();
    return Double.isNaN(value)
        ? Interval.undefined(level)
        : Bootstrap.expandedPercentile(draws, smallest, degrees, level);
  }

  private static String weakness(Estimate own, Estimate control, Bars bars) {
    if (!Double.isFinite(own.value())) {
      return "the own drop is undefined";
    }
    if (own.value() < bars.weakDrop()) {
      return "the own drop of %s is below %s of the %s".formatted(two(own.value()), two(bars.weakDrop()), bars.unit());
    }
    if (Double.isFinite(control.value()) && !(own.interval().low() > control.interval().high())) {
      return "the interval of the own drop, %s, meets that of random parts of equal size, %s"
          .formatted(two(own.interval()), two(control.interval()));
    }
    return null;
  }

  private static String two(double value) {
    return Double.isFinite(value) ? String.format(Locale.ROOT, "%.2f", value) : "undefined";
  }

  private static String two(Interval interval) {
    return interval.isDefined() ? two(interval.low()) + " to " + two(interval.high()) : "no interval";
  }

  /** Drops of one part on every category, in units of Delta; NaN where Delta is not positive. */
  private static double[] row(double[][] drops, double[][] gap, int[][] counts) {
    double[] row = new double[gap.length];
    for (int j = 0; j < row.length; j++) {
      row[j] = Bootstrap.ratio(drops[j], gap[j], counts[j]);
    }
    return row;
  }

  private static int[][] once(double[][] gap) {
    return Arrays.stream(gap).map(row -> Bootstrap.once(row.length)).toArray(int[][]::new);
  }

  private static double control(double[][][] controls, double[][] gap, int[][] counts) {
    double sum = 0;
    for (double[][] control : controls) {
      for (int j = 0; j < control.length; j++) {
        sum += Bootstrap.ratio(control[j], gap[j], counts[j]);
      }
    }
    return controls.length == 0 ? Double.NaN : sum / (controls.length * gap.length);
  }

  /** Mean over i of drop_ii. */
  public static double own(double[][] drop) {
    double sum = 0;
    for (int i = 0; i < drop.length; i++) {
      sum += drop[i][i];
    }
    return sum / drop.length;
  }

  /** D of mean drops {@code [i][j]}; NaN with one category or where the own drop is not positive. */
  public static double distinctness(double[][] drop) {
    return 1 - across(drop, new int[drop.length], true);
  }

  /**
   * Mean of drop_ij over pairs i != j within (or between) groups, divided by the mean of drop_ii over the categories that
   * are in such a pair.
   */
  private static double across(double[][] drop, int[] groupOf, boolean within) {
    double across = 0;
    int count = 0;
    double own = 0;
    int owners = 0;
    for (int i = 0; i < drop.length; i++) {
      boolean counted = false;
      for (int j = 0; j < drop.length; j++) {
        if (i != j && (groupOf[i] == groupOf[j]) == within) {
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
    return count == 0 || !(own > 0) ? Double.NaN : across / count / (own / owners);
  }

  private static double transfer(double[][] drop, int i, int j) {
    double own = drop[i][i] + drop[j][j];
    return own > 0 ? (drop[i][j] + drop[j][i]) / own : Double.NaN;
  }

  /** t of all pairs {@code [K][K]}, 1 on the diagonal. */
  private static double[][] transfer(double[][] drop) {
    double[][] transfer = new double[drop.length][drop.length];
    for (int i = 0; i < drop.length; i++) {
      for (int j = 0; j < drop.length; j++) {
        transfer[i][j] = i == j ? 1 : transfer(drop, i, j);
      }
    }
    return transfer;
  }

  /** Mean drops {@code [i][j]} in units of Delta. */
  public static double[][] meanDrops(double[][][] drops, double[][] gap) {
    int[][] once = once(gap);
    return Arrays.stream(drops).map(row -> row(row, gap, once)).toArray(double[][]::new);
  }

  /** Whether D may be used. */
  public boolean usable() {
    return weak == null && distinctness.interval().isDefined();
  }

  public double leastSupport() {
    return Arrays.stream(support).min().orElse(1);
  }
}
