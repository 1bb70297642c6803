package org.refusal.verdict;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.refusal.config.StatsConfig;
import org.refusal.stats.Auc;
import org.refusal.stats.Bootstrap;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.Interval;
import org.refusal.stats.Parallel;
import org.refusal.stats.Permutations;
import org.refusal.stats.Resampling;
import org.refusal.verdict.SharingEvidence.AtHookPoint;
import org.refusal.verdict.SharingEvidence.AttributionCheck;
import org.refusal.verdict.SharingEvidence.TransferDrops;
import org.refusal.verdict.VectorTests.Estimate;
import org.refusal.verdict.VectorTests.Topic;

/**
 * The statistics of docs/statistics.md on the evidence, hook point by hook point.
 *
 * @param refusedDiscovery refused discovery prompts of each category
 * @param refusedHeldout refused held-out prompts of each category
 * @param auc does m separate refused from complied held-out prompts?
 * @param refusalGap Delta of each category, nats
 * @param pooledLatents statistics of the attributions of all hook points together, each scaled to unit mean norm, or
 *     null
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record SharingTests(
    List<String> categories,
    int[] refusedDiscovery,
    int[] refusedHeldout,
    Auc auc,
    double[] refusalGap,
    List<HookPointTests> hookPoints,
    VectorTests pooledLatents) {

  private static final double LEVEL = 0.95;

  /**
   * Runs every test. O(hook points * (permutations + bootstrap) * n^2) for n discovery prompts.
   *
   * @param config how many draws and from which seed: every statistic draws from a stream of its own, named by hook point
   *     and statistic
   * @param threads never changes a result
   */
  public static SharingTests run(SharingEvidence evidence, StatsConfig config, int threads) {
    Resampling permutations =
        new Resampling(config.stats().permutations(), config.seed(), threads).named("permutations");
    Resampling bootstrap = new Resampling(config.stats().bootstrap(), config.seed(), threads).named("bootstrap");
    int k = evidence.categories().size();
    int[] refusedDiscovery = new int[k];
    for (int category : evidence.promptCategory()) {
      refusedDiscovery[category]++;
    }
    int[] refusedHeldout = new int[k];
    double[] gap = new double[k];
    for (int category = 0; category < k; category++) {
      refusedHeldout[category] = evidence.heldoutGap()[category].length;
      double sum = 0;
      for (double value : evidence.heldoutGap()[category]) {
        sum += value;
      }
      gap[category] = sum / refusedHeldout[category];
    }
    int[] strata = Permutations.terciles(IntStream.of(evidence.promptTokens()).asDoubleStream().toArray());
    List<GramMatrix> latents =
        evidence.hookPoints().stream().map(AtHookPoint::latents).filter(gram -> gram != null).toList();
    GramMatrix pooledGram = latents.isEmpty() ? null : GramMatrix.pooled(latents);
    Map<GramMatrix, Topic> topics = topics(evidence, pooledGram, permutations);
    List<HookPointTests> points = new ArrayList<>();
    for (AtHookPoint point : evidence.hookPoints()) {
      points.add(at(point, evidence, strata, topics, config.verdict(), permutations, bootstrap));
    }
    VectorTests pooled =
        pooledGram == null
            ? null
            : VectorTests.of(
                pooledGram,
                evidence.promptCategory(),
                k,
                strata,
                topics.get(pooledGram),
                config.verdict(),
                permutations.named("pooled"),
                bootstrap.named("pooled"));
    return new SharingTests(
        evidence.categories(),
        refusedDiscovery,
        refusedHeldout,
        Auc.of(evidence.refusedMetric(), evidence.compliedMetric()),
        gap,
        List.copyOf(points),
        pooled);
  }

  /** Every matrix against the topics, by identity of the matrix; empty when there are no topics. */
  private static Map<GramMatrix, Topic> topics(
      SharingEvidence evidence, GramMatrix pooled, Resampling permutations) {
    Map<GramMatrix, Topic> topics = new IdentityHashMap<>();
    if (evidence.topicDistance() == null) {
      return topics;
    }
    List<GramMatrix> grams =
        Stream.concat(
                evidence.hookPoints().stream().flatMap(point -> Stream.of(point.effect(), point.latents())),
                Stream.of(pooled))
            .filter(Objects::nonNull)
            .toList();
    List<Topic> tests =
        Topic.of(
            grams,
            evidence.topicDistance(),
            evidence.promptCategory(),
            evidence.categories().size(),
            permutations.named("mantel"));
    for (int i = 0; i < grams.size(); i++) {
      topics.put(grams.get(i), tests.get(i));
    }
    return topics;
  }

  private static HookPointTests at(
      AtHookPoint point,
      SharingEvidence evidence,
      int[] strata,
      Map<GramMatrix, Topic> topics,
      StatsConfig.Verdict thresholds,
      Resampling permutations,
      Resampling bootstrap) {
    String name = point.at().name();
    int k = evidence.categories().size();
    VectorTests effect =
        vectors(point.effect(), evidence, strata, topics, thresholds, permutations.named(name, "effect"),
            bootstrap.named(name, "effect"));
    VectorTests latents =
        vectors(point.latents(), evidence, strata, topics, thresholds, permutations.named(name, "latents"),
            bootstrap.named(name, "latents"));
    List<List<Integer>> clusters =
        effect == null ? IntStream.range(0, k).mapToObj(List::of).toList() : effect.clusters();
    Map<String, TransferTests> transfer = new LinkedHashMap<>();
    for (Form form : Form.values()) {
      TransferDrops drops = point.transfer().get(form);
      if (drops != null) {
        transfer.put(
            form.key(),
            TransferTests.of(
                drops,
                evidence.heldoutGap(),
                clusters,
                thresholds.weakDrop(),
                bootstrap.named(name, "transfer", form.key())));
      }
    }
    CauseRule rule = new CauseRule(thresholds, evidence.categories());
    CauseRule.Finding cause = rule.cause(name, effect, transfer.get(Form.EFFECT.key()));
    return new HookPointTests(
        name,
        decided(point.decidedDrops(), evidence.heldoutGap(), bootstrap.named(name, "decided")),
        point.readoutRank(),
        effect,
        latents,
        ratio(point.attribution(), Sum.COMPLETENESS, bootstrap.named(name, "completeness")),
        ratio(point.attribution(), Sum.PROMPT_SHARE, bootstrap.named(name, "prompt share")),
        transfer,
        cause.cause(),
        cause.sentence(),
        rule.representation(
            latents, transfer.get(Form.LATENT.key()), transfer.get(Form.DIRECTION.key())));
  }

  private static VectorTests vectors(
      GramMatrix gram,
      SharingEvidence evidence,
      int[] strata,
      Map<GramMatrix, Topic> topics,
      StatsConfig.Verdict thresholds,
      Resampling permutations,
      Resampling bootstrap) {
    return gram == null
        ? null
        : VectorTests.of(
            gram,
            evidence.promptCategory(),
            evidence.categories().size(),
            strata,
            topics.get(gram),
            thresholds,
            permutations,
            bootstrap);
  }

  private static Estimate decided(double[][] drops, double[][] gap, Resampling bootstrap) {
    boolean measured = IntStream.range(0, gap.length).allMatch(j -> drops[j].length == gap[j].length);
    if (!measured) {
      return new Estimate(Double.NaN, Interval.undefined(LEVEL));
    }
    double[] draws = new double[bootstrap.draws()];
    Parallel.forEach(
        draws.length,
        bootstrap.threads(),
        draw -> {
          SplittableRandom random = bootstrap.stream(draw);
          double sum = 0;
          for (int j = 0; j < gap.length; j++) {
            int[] counts = gap[j].length == 0 ? new int[0] : Bootstrap.counts(gap[j].length, random);
            sum += weightedRatio(drops[j], gap[j], counts);
          }
          draws[draw] = sum / gap.length;
        });
    double sum = 0;
    for (int j = 0; j < gap.length; j++) {
      sum += weightedRatio(drops[j], gap[j], ones(gap[j].length));
    }
    return new Estimate(sum / gap.length, Bootstrap.percentile(draws, LEVEL));
  }

  private enum Sum {
    COMPLETENESS,
    PROMPT_SHARE
  }

  private static Estimate ratio(AttributionCheck check, Sum which, Resampling bootstrap) {
    if (check == null) {
      return new Estimate(Double.NaN, Interval.undefined(LEVEL));
    }
    int n = check.gap().length;
    double[] above = new double[n];
    double[] below = new double[n];
    for (int p = 0; p < n; p++) {
      // both denominators positive where the model refuses: the drop of m when refusal's causes are taken away
      above[p] = which == Sum.COMPLETENESS ? -check.effectSum()[p] : -check.promptSideSum()[p];
      below[p] = which == Sum.COMPLETENESS ? -check.baselineEffect()[p] : check.gap()[p];
    }
    double[] draws = new double[bootstrap.draws()];
    if (n > 0) {
      Parallel.forEach(
          draws.length,
          bootstrap.threads(),
          draw -> draws[draw] = weightedRatio(above, below, Bootstrap.counts(n, bootstrap.stream(draw))));
    }
    double value = weightedRatio(above, below, ones(n));
    return new Estimate(
        value, Double.isNaN(value) ? Interval.undefined(LEVEL) : Bootstrap.percentile(draws, LEVEL));
  }

  private static int[] ones(int n) {
    return IntStream.generate(() -> 1).limit(n).toArray();
  }

  private static double weightedRatio(double[] above, double[] below, int[] counts) {
    double numerator = 0;
    double denominator = 0;
    for (int p = 0; p < counts.length; p++) {
      numerator += counts[p] * above[p];
      denominator += counts[p] * below[p];
    }
    return denominator > 0 ? numerator / denominator : Double.NaN;
  }
}
