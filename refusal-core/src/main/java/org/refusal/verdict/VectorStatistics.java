package org.refusal.verdict;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.List;
import org.refusal.stats.AverageLinkage;
import org.refusal.stats.DisattenuatedSimilarity;
import org.refusal.stats.Estimate;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.Interval;
import org.refusal.stats.PairwiseSeparation;
import org.refusal.stats.Permanova;
import org.refusal.stats.Permdisp;
import org.refusal.stats.Reliability;
import org.refusal.stats.Resampling;
import org.refusal.stats.SeparationTest;
import org.refusal.stats.SharedMantel;

/**
 * The statistics of docs/statistics.md (1-6) on one set of per-prompt vectors.
 *
 * @param prompts vectors of each category
 * @param similarity S, {@code [K][K]}
 * @param meanSimilarity mean of S over pairs
 * @param merges average linkage on S, for the dendrogram
 * @param topic Mantel's test against the topic distance, or null when none was given
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record VectorStatistics(
    int[] prompts,
    Reliability reliability,
    double[][] similarity,
    Estimate meanSimilarity,
    List<Pair> pairs,
    Location separation,
    Location separationSplitHalf,
    Location permanova,
    Location permdisp,
    Topic topic,
    List<AverageLinkage.Merge> merges,
    int[] leafOrder) {

  private static final int SPLITS = 100;
  private static final double DECIDING = 0.95;
  private static final double SHARED_LEVEL = 0.90;

  /**
   * One pair of categories.
   *
   * @param separation within less between similarity of unit vectors, with its p, q and max-T adjusted p
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Pair(
      int i,
      int j,
      double similarity,
      Interval interval90,
      Interval interval95,
      double separation,
      double p,
      double q,
      double maxT,
      @JsonProperty("max_t_step_down") double maxTStepDown) {}

  /** A test's statistic and p-value; {@code r2} where the test has one. */
  public record Location(double statistic, double p, double r2) {}

  /**
   * Is the vectors' distance that of the topics?
   *
   * @param r Mantel correlation of cosine distance and topic distance over pairs of prompts
   * @param withinCategories partial Mantel correlation, same or different category held constant
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Topic(double r, double p, double withinCategories, double withinCategoriesP) {
    /**
     * Of several sets of vectors of the same prompts, which see the same permutations. As many matrices of distances are
     * made at a time as take a small part of the heap; the results are the same for any number.
     */
    static List<Topic> of(
        List<GramMatrix> grams, double[][] topicDistance, int[] labels, int categories, Resampling permutations) {
      List<Topic> topics = new ArrayList<>();
      int atOnce = StatsMemory.distancesAtOnce(topicDistance.length, Runtime.getRuntime().maxMemory());
      for (int from = 0; from < grams.size(); from += atOnce) {
        List<double[][]> distances =
            grams.subList(from, Math.min(grams.size(), from + atOnce)).stream()
                .map(GramMatrix::cosineDistances)
                .toList();
        SharedMantel.test(distances, topicDistance, labels, categories, permutations).stream()
            .map(test -> new Topic(test.r(), test.p(), test.partialR(), test.partialP()))
            .forEach(topics::add);
      }
      return topics;
    }
  }

  /**
   * Runs them all.
   *
   * @param labels category of each vector
   * @param strata length terciles within which labels are permuted
   * @param topic the vectors against the topics, or null
   */
  static VectorStatistics of(
      GramMatrix gram,
      int[] labels,
      int categories,
      int[] strata,
      Topic topic,
      Resampling permutations,
      Resampling bootstrap) {
    int[] prompts = new int[categories];
    for (int label : labels) {
      prompts[label]++;
    }
    Reliability reliability =
        Reliability.of(gram, labels, categories, bootstrap.named("split-half").draws(SPLITS));
    DisattenuatedSimilarity similarity =
        DisattenuatedSimilarity.of(gram, labels, categories, bootstrap.named("similarity"));
    PairwiseSeparation pairwise =
        PairwiseSeparation.of(gram, labels, categories, strata, permutations.named("pairs"));
    List<Pair> pairs = new ArrayList<>();
    for (int i = 0; i < categories; i++) {
      for (int j = i + 1; j < categories; j++) {
        Interval wide = similarity.interval(i, j, DECIDING);
        Interval narrow = similarity.interval(i, j, SHARED_LEVEL);
        int at = pairs.size();
        pairs.add(
            new Pair(
                i,
                j,
                similarity.similarity()[i][j],
                narrow,
                wide,
                pairwise.t()[at],
                pairwise.p()[at],
                pairwise.q()[at],
                pairwise.singleStep()[at],
                pairwise.stepDown()[at]));
      }
    }
    SeparationTest separation =
        SeparationTest.pairs(gram, labels, categories, strata, permutations.named("separation"));
    SeparationTest split =
        SeparationTest.splitHalf(gram, labels, categories, strata, permutations.named("split-half"));
    double[][] distances = gram.cosineDistances();
    Permanova permanova = Permanova.test(distances, labels, strata, permutations.named("permanova"));
    Permdisp permdisp = Permdisp.test(distances, labels, permutations.named("permdisp"));
    AverageLinkage tree = AverageLinkage.of(similarity.similarity());
    return new VectorStatistics(
        prompts,
        reliability,
        similarity.similarity(),
        new Estimate(similarity.mean(), similarity.meanInterval(DECIDING)),
        List.copyOf(pairs),
        new Location(separation.t(), separation.p(), Double.NaN),
        new Location(split.t(), split.p(), Double.NaN),
        new Location(permanova.pseudoF(), permanova.p(), permanova.r2()),
        new Location(permdisp.f(), permdisp.p(), Double.NaN),
        topic,
        tree.merges(),
        tree.order());
  }

  /** The least reliable category's reliability; NaN when any is undefined. */
  double leastReliability() {
    double least = Double.POSITIVE_INFINITY;
    for (double value : reliability.reliability()) {
      least = Math.min(least, value);
    }
    return least;
  }
}
