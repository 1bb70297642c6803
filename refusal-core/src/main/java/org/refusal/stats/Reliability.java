package org.refusal.stats;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.SplittableRandom;
import org.refusal.base.Seeds;

/**
 * How well a category's mean vector is known.
 *
 * @param withinProduct U_c: mean inner product over pairs of distinct prompts, an unbiased estimate of the squared norm
 *     of the category's true mean; NaN for fewer than two prompts
 * @param squaredNorm V_c: squared norm of the sample mean
 * @param reliability r_c = U_c / V_c; 1 when all prompts agree, 0 or less when they share nothing
 * @param splitHalf Spearman-Brown corrected cosine of the means of two random halves, mean over the splits; NaN for
 *     fewer than four prompts
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Reliability(double[] withinProduct, double[] squaredNorm, double[] reliability, double[] splitHalf) {

  /** Half-length reliability to full length: 2 h / (1 + h). */
  public static double spearmanBrown(double half) {
    return 2 * half / (1 + half);
  }

  /** Similarity corrected for the reliabilities of both: s / sqrt(r_i r_j); NaN where either is not positive. */
  public static double disattenuated(double similarity, double reliabilityI, double reliabilityJ) {
    return reliabilityI > 0 && reliabilityJ > 0
        ? similarity / Math.sqrt(reliabilityI * reliabilityJ)
        : Double.NaN;
  }

  /**
   * Of every category.
   *
   * @param labels category of each vector, 0..categories-1
   * @param splits random halvings of each category, one per draw; O(n^2 / K) each
   */
  public static Reliability of(GramMatrix gram, int[] labels, int categories, Resampling splits) {
    Grouping groups = Grouping.of(labels, categories);
    BlockSums sums = new BlockSums(gram, groups);
    BlockSums.Means means = sums.means();
    double[] reliability = new double[categories];
    double[] splitHalf = new double[categories];
    for (int category = 0; category < categories; category++) {
      double norm = means.norms()[category];
      reliability[category] = norm > 0 ? means.within()[category] / norm : Double.NaN;
      splitHalf[category] = splitHalf(gram, groups.members(category), splits.named("category", "" + category));
    }
    return new Reliability(means.within(), means.norms(), reliability, splitHalf);
  }

  private static double splitHalf(GramMatrix gram, int[] members, Resampling splits) {
    if (members.length < 4) {
      return Double.NaN;
    }
    double[] corrected = new double[splits.draws()];
    Parallel.forEach(
        corrected.length,
        splits.threads(),
        draw -> {
          SplittableRandom random = splits.stream(draw);
          int[] shuffled = members.clone();
          Seeds.shuffle(shuffled, random);
          int half = shuffled.length / 2;
          double cross = 0;
          double first = 0;
          double second = 0;
          for (int i = 0; i < shuffled.length; i++) {
            for (int j = 0; j < shuffled.length; j++) {
              double product = gram.at(shuffled[i], shuffled[j]);
              if (i < half && j < half) {
                first += product;
              } else if (i >= half && j >= half) {
                second += product;
              } else if (i < half) {
                cross += product;
              }
            }
          }
          corrected[draw] =
              first > 0 && second > 0 ? spearmanBrown(cross / Math.sqrt(first * second)) : Double.NaN;
        });
    return Summary.mean(corrected);
  }
}
