package org.refusal.attribution;

import java.util.Arrays;
import java.util.List;

/**
 * The read-out by the gradients' energy: the directions along which m reacts to the activation at a hook point, on average
 * over the path from the prompts to their baselines. It also holds what single prompts happen to be read for, which is why
 * {@link org.refusal.stats.ReproducibleReadout} takes its place by default ({@code transfer.effect}).
 *
 * @param basis orthonormal rows {@code [rank][d_model]}, strongest first
 * @param energy share of the gradients' energy along each {@code [rank]}
 */
public record PooledReadout(double[][] basis, double[] energy) {

  public int rank() {
    return basis.length;
  }

  /**
   * The leading eigenvectors of the mean of the categories' moments. A direction belongs to the read-out when it carries at
   * least the share {@code least / categories} of the mean's energy: had it that energy from one category alone, it would
   * be the share {@code least} of that category's. (A cut at 99 % of the pooled energy would depend on the number of
   * categories, and where most of everyone's gradient lies along one direction it would drop what is read for one only.)
   *
   * @param moments of each category, scaled to unit trace, each {@code [d_model * d_model]}
   * @param maxRank at most so many directions
   */
  static PooledReadout of(List<double[]> moments, double least, int maxRank) {
    if (moments.isEmpty()) {
      return new PooledReadout(new double[0][], new double[0]);
    }
    int n = (int) Math.round(Math.sqrt(moments.get(0).length));
    double[] mean = new double[n * n];
    for (double[] moment : moments) {
      for (int i = 0; i < mean.length; i++) {
        mean[i] += moment[i] / moments.size();
      }
    }
    LeadingEigenvectors.Result leading = LeadingEigenvectors.of(mean, n, Math.min(maxRank, n));
    int rank =
        (int) Arrays.stream(leading.values()).filter(energy -> energy >= least / moments.size()).count();
    return new PooledReadout(Arrays.copyOf(leading.vectors(), rank), Arrays.copyOf(leading.values(), rank));
  }
}
