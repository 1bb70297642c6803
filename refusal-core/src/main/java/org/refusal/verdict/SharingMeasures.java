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
import org.refusal.config.TransferForm;
import org.refusal.stats.Auc;
import org.refusal.stats.Bootstrap;
import org.refusal.stats.Estimate;
import org.refusal.stats.GramMatrix;
import org.refusal.stats.Interval;
import org.refusal.stats.Parallel;
import org.refusal.stats.Permutations;
import org.refusal.stats.Resampling;
import org.refusal.stats.TransferDrops;
import org.refusal.stats.TransferStatistics;
import org.refusal.verdict.SharingEvidence.AtHookPoint;
import org.refusal.verdict.SharingEvidence.AtLayer;
import org.refusal.verdict.SharingEvidence.AttributionCheck;
import org.refusal.verdict.SharingEvidence.DefaultRefusal;
import org.refusal.verdict.VectorStatistics.Topic;

/**
 * The statistics of docs/statistics.md on the evidence, hook point by hook point.
 *
 * @param refusedDiscovery refused discovery prompts of each category
 * @param refusedHeldout refused held-out prompts of each category
 * @param leftOut categories with too few refused prompts for a finding, and why; the others are tested without them
 * @param auc does m separate refused from complied held-out prompts?
 * @param layers where the model decides, over all its layers; empty where only captured hook points were looked at
 * @param byDefault refusals of prompts without content, or null
 * @param partners {@code matched} or {@code pool}
 * @param refusalGap Delta of each category, nats
 * @param pooledLatents statistics of the attributions of all hook points together, each scaled to unit mean norm, or
 *     null
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record SharingMeasures(
    List<String> categories,
    Map<String, String> leftOut,
    int[] refusedDiscovery,
    int[] refusedHeldout,
    Auc auc,
    double[] refusalGap,
    List<LayerTests> layers,
    DefaultRefusal byDefault,
    String partners,
    List<HookPointMeasures> hookPoints,
    VectorStatistics pooledLatents) {

  /** How far the model has decided after a layer, over a few held-out prompts. */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record LayerTests(String hookPoint, Estimate decided) {}

  private static final double LEVEL = 0.95;
  /** So many categories must remain when others are left out. */
  private static final int FEWEST = 3;

  /**
   * Runs every test. O(hook points * (permutations + bootstrap) * n^2) for n discovery prompts.
   *
   * @param config how many draws and from which seed: every statistic draws from a stream of its own, named by hook point
   *     and statistic
   * @param threads never changes a result
   */
  public static SharingMeasures run(SharingEvidence whole, StatsConfig config, int threads) {
    Map<String, String> leftOut = leftOut(whole, config.verdict());
    SharingEvidence evidence =
        leftOut.isEmpty()
            ? whole
            : whole.of(
                IntStream.range(0, whole.categories().size())
                    .filter(i -> !leftOut.containsKey(whole.categories().get(i)))
                    .toArray());
    Resampling permutations =
        new Resampling(config.stats().permutations(), config.seed(), threads).named("permutations");
    Resampling bootstrap = new Resampling(config.stats().bootstrap(), config.seed(), threads).named("bootstrap");
    int k = evidence.categories().size();
    int[] strata = Permutations.terciles(IntStream.of(evidence.promptTokens()).asDoubleStream().toArray());
    List<GramMatrix> latents =
        evidence.hookPoints().stream().map(AtHookPoint::latents).filter(gram -> gram != null).toList();
    GramMatrix pooledGram = latents.isEmpty() ? null : GramMatrix.pooled(latents);
    Map<GramMatrix, Topic> topics = topics(evidence, pooledGram, permutations);
    List<HookPointMeasures> points = new ArrayList<>();
    for (AtHookPoint point : evidence.hookPoints()) {
      points.add(at(point, evidence, strata, topics, config.verdict(), permutations, bootstrap));
    }
    VectorStatistics pooled =
        pooledGram == null
            ? null
            : VectorStatistics.of(
                pooledGram,
                evidence.promptCategory(),
                k,
                strata,
                topics.get(pooledGram),
                permutations.named("pooled"),
                bootstrap.named("pooled"));
    return new SharingMeasures(
        evidence.categories(),
        leftOut,
        evidence.refusedDiscovery(),
        evidence.refusedHeldout(),
        Auc.of(evidence.refusedMetric(), evidence.compliedMetric()),
        evidence.refusalGap(),
        evidence.layers().stream().map(layer -> layer(layer, bootstrap)).toList(),
        evidence.byDefault(),
        evidence.partners(),
        List.copyOf(points),
        pooled);
  }

  /**
   * Categories without enough refused prompts, or whose refusal gap is not positive, with the reason; none where fewer than
   * three would remain.
   */
  private static Map<String, String> leftOut(SharingEvidence evidence, StatsConfig.Verdict thresholds) {
    Map<String, String> leftOut = new LinkedHashMap<>();
    int[] discovery = evidence.refusedDiscovery();
    int[] heldout = evidence.refusedHeldout();
    double[] gap = evidence.refusalGap();
    for (int i = 0; i < discovery.length; i++) {
      String category = evidence.categories().get(i);
      if (discovery[i] < thresholds.minDiscovery()) {
        leftOut.put(category, "%d refused discovery prompts, fewer than %d".formatted(discovery[i], thresholds.minDiscovery()));
      } else if (heldout[i] < thresholds.minHeldout()) {
        leftOut.put(category, "%d refused held-out prompts, fewer than %d".formatted(heldout[i], thresholds.minHeldout()));
      } else if (!(gap[i] > 0)) {
        leftOut.put(category, "a refusal gap of %s nats".formatted(Sentences.number(gap[i])));
      }
    }
    return discovery.length - leftOut.size() >= FEWEST ? leftOut : Map.of();
  }

  private static LayerTests layer(AtLayer layer, Resampling bootstrap) {
    return new LayerTests(
        layer.at().name(), decided(layer.drops(), layer.gap(), bootstrap.named(layer.at().name(), "layer")));
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

  private static HookPointMeasures at(
      AtHookPoint point,
      SharingEvidence evidence,
      int[] strata,
      Map<GramMatrix, Topic> topics,
      StatsConfig.Verdict thresholds,
      Resampling permutations,
      Resampling bootstrap) {
    String name = point.at().name();
    VectorStatistics effect =
        vectors(point.effect(), evidence, strata, topics, permutations.named(name, "effect"),
            bootstrap.named(name, "effect"));
    VectorStatistics latents =
        vectors(point.latents(), evidence, strata, topics, permutations.named(name, "latents"),
            bootstrap.named(name, "latents"));
    TransferStatistics.Bars bars =
        new TransferStatistics.Bars(thresholds.weakDrop(), thresholds.clusterCut(), "refusal gap");
    Map<String, TransferStatistics> transfer = new LinkedHashMap<>();
    for (TransferForm form : TransferForm.values()) {
      TransferDrops drops = point.transfer().get(form);
      if (drops != null) {
        transfer.put(
            form.key(),
            TransferStatistics.of(
                drops, evidence.heldoutGap(), bars,
                bootstrap.named(name, "transfer", form.key())));
      }
    }
    CauseRule rule = new CauseRule(thresholds, evidence.categories());
    CauseRule.Finding cause = rule.cause(name, transfer.get(TransferForm.EFFECT.key()));
    return new HookPointMeasures(
        name,
        decided(point.decidedDrops(), evidence.heldoutGap(), bootstrap.named(name, "decided")),
        point.readout(),
        effect,
        latents,
        ratio(point.attribution(), Sum.COMPLETENESS, bootstrap.named(name, "completeness")),
        ratio(point.attribution(), Sum.PROMPT_SHARE, bootstrap.named(name, "prompt share")),
        transfer,
        cause.cause(),
        cause.sentence(),
        cause.possible(),
        rule.representation(
            latents, transfer.get(TransferForm.LATENT.key()), transfer.get(TransferForm.DIRECTION.key())));
  }

  private static VectorStatistics vectors(
      GramMatrix gram,
      SharingEvidence evidence,
      int[] strata,
      Map<GramMatrix, Topic> topics,
      Resampling permutations,
      Resampling bootstrap) {
    return gram == null
        ? null
        : VectorStatistics.of(
            gram,
            evidence.promptCategory(),
            evidence.categories().size(),
            strata,
            topics.get(gram),
            permutations,
            bootstrap);
  }

  private static Estimate decided(double[][] drops, double[][] gap, Resampling bootstrap) {
    boolean measured =
        IntStream.range(0, gap.length).allMatch(j -> drops[j].length == gap[j].length)
            && IntStream.range(0, gap.length).anyMatch(j -> gap[j].length > 0);
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
            sum += Bootstrap.ratio(drops[j], gap[j], counts);
          }
          draws[draw] = sum / gap.length;
        });
    double sum = 0;
    for (int j = 0; j < gap.length; j++) {
      sum += Bootstrap.ratio(drops[j], gap[j], Bootstrap.once(gap[j].length));
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
          draw -> draws[draw] = Bootstrap.ratio(above, below, Bootstrap.counts(n, bootstrap.stream(draw))));
    }
    double value = Bootstrap.ratio(above, below, Bootstrap.once(n));
    return new Estimate(
        value, Double.isNaN(value) ? Interval.undefined(LEVEL) : Bootstrap.percentile(draws, LEVEL));
  }
}
