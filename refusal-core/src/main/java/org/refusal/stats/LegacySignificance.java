package org.refusal.stats;

/**
 * The original project's significance of an observed score among random ones, quirks included: a normal p only for
 * more than 100 scores, population deviation. For reproducing earlier results; draw no conclusions from it.
 */
public record LegacySignificance(
    double observed,
    double randomMean,
    double randomStd,
    double zScore,
    double pValue,
    double pValueEmpirical,
    double pValueNormal,
    int permutations,
    double low,
    double high,
    boolean twoSided) {

  private static final int NORMAL_FROM = 100;

  public static LegacySignificance of(double observed, double[] scores, boolean twoSided) {
    int n = scores.length;
    double mean = Summary.mean(scores);
    double squares = 0;
    for (double score : scores) {
      squares += (score - mean) * (score - mean);
    }
    double deviation = Math.sqrt(squares / n);
    double z = deviation > 0 ? (observed - mean) / deviation : 0;
    int extreme = 0;
    for (double score : scores) {
      boolean counts = twoSided ? Math.abs(score - mean) >= Math.abs(observed - mean) : score >= observed;
      extreme += counts ? 1 : 0;
    }
    double empirical = (extreme + 1.0) / (n + 1.0);
    double normal = empirical;
    if (n > NORMAL_FROM && deviation > 0) {
      normal = twoSided ? 2 * Normal.upperTail(Math.abs(z)) : Normal.upperTail(z);
    }
    return new LegacySignificance(
        observed,
        mean,
        deviation,
        z,
        empirical,
        empirical,
        normal,
        n,
        mean - 1.96 * deviation,
        mean + 1.96 * deviation,
        twoSided);
  }
}
