package org.refusal.verdict;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.config.StatsConfig;
import org.refusal.stats.Interval;
import org.refusal.verdict.VectorTests.Estimate;

/**
 * The answer, made where the model decides (docs/definitions.md).
 *
 * @param reasons every reason that holds, a sentence with its figures each
 * @param clusters categories that share a cause: all in one (MONOLITHIC), each alone (MODULAR), the clusters (MIXED);
 *     empty when INCONCLUSIVE
 * @param decisionLayer the hook point at which the answer was read off, or null
 * @param firstSharedLayer the first captured hook point from which on every one has one cause, or null; before the model
 *     decides only where the latents are shared too
 * @param remark what a reader should also know; may be empty
 * @param profile one entry per captured hook point
 * @param thresholds all thresholds in force
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Verdict(
    Answer answer,
    List<String> reasons,
    List<List<String>> clusters,
    String decisionLayer,
    String firstSharedLayer,
    String remark,
    List<ProfileEntry> profile,
    Map<String, Object> thresholds) {

  /**
   * One captured hook point. S are means over pairs; D by form key; what was not measured is NaN.
   *
   * @param weakForms forms whose D means nothing here
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record ProfileEntry(
      String hookPoint,
      Estimate decided,
      int readoutRank,
      Estimate sEffect,
      Estimate sLatents,
      double reliabilityEffect,
      double reliabilityLatents,
      Map<String, Estimate> d,
      Map<String, String> weakForms,
      Estimate completeness,
      Estimate promptShare,
      Cause cause,
      String representation) {}

  /** Decides from the statistics; nothing else is read. */
  public static Verdict decide(SharingTests tests, StatsConfig.Verdict thresholds) {
    return new Decision(tests, thresholds).verdict();
  }

  /**
   * The verdict over several autoencoder seeds: the first one's if all agree in answer and clusters, with a remark that
   * says so; else INCONCLUSIVE with who said what and every reason of those that did not decide. Layers, profile and
   * thresholds are the first one's.
   *
   * @param bySeed verdicts by seed, at least one, in the order of the seeds
   */
  public static Verdict acrossSeeds(Map<Long, Verdict> bySeed) {
    Verdict first = bySeed.values().iterator().next();
    boolean agree =
        bySeed.values().stream()
            .allMatch(other -> other.answer() == first.answer() && other.clusters().equals(first.clusters()));
    if (agree) {
      String seeds = Sentences.list(bySeed.keySet().stream().map(String::valueOf).toList());
      String same = "the same answer with %d sets of autoencoders (seeds %s)".formatted(bySeed.size(), seeds);
      return bySeed.size() == 1 ? first : first.withRemark(same);
    }
    List<String> reasons = new ArrayList<>();
    List<String> said = new ArrayList<>();
    bySeed.forEach((seed, verdict) -> said.add("seed %d %s%s".formatted(seed, verdict.answer(), verdict.inWords())));
    reasons.add("SAE seeds disagree: " + Sentences.list(said));
    bySeed.forEach((seed, verdict) -> {
      if (verdict.answer() == Answer.INCONCLUSIVE) {
        verdict.reasons().forEach(reason -> reasons.add("with SAE seed %d: %s".formatted(seed, reason)));
      }
    });
    return new Verdict(
        Answer.INCONCLUSIVE,
        List.copyOf(reasons),
        List.of(),
        first.decisionLayer,
        first.firstSharedLayer,
        "",
        first.profile,
        first.thresholds);
  }

  /** The clusters of a MIXED answer: two such answers may disagree in them. */
  private String inWords() {
    return answer == Answer.MIXED
        ? " (%s)".formatted(String.join(" ", clusters.stream().map(members -> "{" + String.join(", ", members) + "}").toList()))
        : "";
  }

  private Verdict withRemark(String more) {
    return new Verdict(
        answer,
        reasons,
        clusters,
        decisionLayer,
        firstSharedLayer,
        remark.isEmpty() ? more : remark + "; " + more,
        profile,
        thresholds);
  }

  /** The line that the pipeline ends with and why: {@code verdict: ANSWER}, then a reason per line. */
  public String text() {
    StringBuilder text = new StringBuilder("verdict: " + answer + "\n");
    reasons.forEach(reason -> text.append("  ").append(reason).append('\n'));
    if (!remark.isEmpty()) {
      text.append("  remark: ").append(remark).append('\n');
    }
    return text.toString();
  }

  static ProfileEntry profileOf(HookPointTests point) {
    Estimate none = new Estimate(Double.NaN, Interval.undefined(0.95));
    Map<String, Estimate> distinctness = new LinkedHashMap<>();
    Map<String, String> weak = new LinkedHashMap<>();
    point.transfer().forEach((form, transfer) -> {
      distinctness.put(form, transfer.usable() ? transfer.distinctness() : none);
      if (transfer.weak() != null) {
        weak.put(form, transfer.weak());
      }
    });
    return new ProfileEntry(
        point.hookPoint(),
        point.decided(),
        point.readoutRank(),
        point.effect() == null ? none : point.effect().meanSimilarity(),
        point.latents() == null ? none : point.latents().meanSimilarity(),
        point.effect() == null ? Double.NaN : point.effect().leastReliability(),
        point.latents() == null ? Double.NaN : point.latents().leastReliability(),
        distinctness,
        weak,
        point.completeness(),
        point.promptShare(),
        point.cause(),
        point.representation());
  }
}
