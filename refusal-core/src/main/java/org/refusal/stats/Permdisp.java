package org.refusal.stats;

/**
 * Homogeneity of multivariate dispersions (Anderson 2006): do groups differ in spread?
 *
 * <p>The squared distance of an item to its group's centroid in the space of all principal coordinates, positive axes
 * less negative ones, is mean_q d(p, q)^2 - (1/2) mean_{q, r} d(q, r)^2, so that no eigenvectors are needed; negative
 * squares count as 0.
 *
 * @param distanceToCentroid {@code [n]}
 * @param f one-way ANOVA's F of these distances
 * @param p within-group residuals of the distances permuted, (b + 1) / (B + 1)
 */
public record Permdisp(double[] distanceToCentroid, double f, double p, double[] nullValues) {

  public static Permdisp test(double[][] distances, int[] groups, Resampling resampling) {
    int[][] permutations = new int[resampling.draws()][];
    for (int draw = 0; draw < permutations.length; draw++) {
      permutations[draw] = Permutations.within(groups.length, null, resampling.stream(draw));
    }
    return test(distances, groups, permutations, resampling.threads());
  }

  /** With given permutations {@code [B, n]}. O(n^2 + B n). */
  public static Permdisp test(double[][] distances, int[] groups, int[][] permutations, int threads) {
    int n = groups.length;
    Grouping grouping = Grouping.of(groups);
    double[] toCentroid = new double[n];
    double[] residuals = new double[n];
    for (int group = 0; group < grouping.count(); group++) {
      int[] members = grouping.members(group);
      double all = 0;
      double[] own = new double[members.length];
      for (int i = 0; i < members.length; i++) {
        for (int other : members) {
          double distance = distances[members[i]][other];
          own[i] += distance * distance;
        }
        all += own[i];
      }
      double mean = 0;
      for (int i = 0; i < members.length; i++) {
        double square = own[i] / members.length - all / (2.0 * members.length * members.length);
        toCentroid[members[i]] = Math.sqrt(Math.max(0, square));
        mean += toCentroid[members[i]];
      }
      mean /= members.length;
      for (int member : members) {
        residuals[member] = toCentroid[member] - mean;
      }
    }
    double observed = anovaF(toCentroid, grouping);
    double[] nullValues = new double[permutations.length];
    Parallel.forEach(
        permutations.length,
        threads,
        draw -> {
          double[] permuted = new double[n];
          for (int i = 0; i < n; i++) {
            permuted[i] = residuals[permutations[draw][i]];
          }
          nullValues[draw] = anovaF(permuted, grouping);
        });
    return new Permdisp(toCentroid, observed, Permutations.pValue(observed, nullValues), nullValues);
  }

  private static double anovaF(double[] values, Grouping groups) {
    double grand = Summary.mean(values);
    double among = 0;
    double within = 0;
    for (int group = 0; group < groups.count(); group++) {
      int[] members = groups.members(group);
      double mean = 0;
      for (int member : members) {
        mean += values[member];
      }
      mean /= members.length;
      among += members.length * (mean - grand) * (mean - grand);
      for (int member : members) {
        within += (values[member] - mean) * (values[member] - mean);
      }
    }
    int k = groups.count();
    int n = values.length;
    return k > 1 && n > k && within > 0 ? among / (k - 1) / (within / (n - k)) : Double.NaN;
  }
}
