package org.refusal.verdict;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.config.StatsConfig;
import org.refusal.stats.Estimate;
import org.refusal.stats.TransferStatistics;
import org.refusal.verdict.SharingEvidence.ReadoutSummary;

/**
 * The answer, made where the model decides (docs/definitions.md).
 *
 * @param answer what the evidence says
 * @param headline the answer in one sentence
 * @param possible answers that the evidence leaves open: the answer itself, or what remains with INCONCLUSIVE
 * @param sharedPart 1 - D_effect at the decision layer: how much of a category's own drop other categories' parts bring about
 * @param similarity mean S_effect over pairs there: how alike the differences from harmless prompts are; describes only
 * @param facts what a reader should know first, a sentence each
 * @param checks every condition that was looked at, with its value
 * @param reasons every reason that holds, a sentence with its figures each
 * @param nextSteps with INCONCLUSIVE: what would settle it, the cheapest first; a command line, where there is one, ends the
 *     text after ": "
 * @param clusters categories that share a cause: all in one (MONOLITHIC), each alone (MODULAR), the clusters (MIXED);
 *     empty when GRADED or INCONCLUSIVE
 * @param leftOut categories that the answer does not speak of, and why
 * @param decisionLayer the hook point at which the answer was read off, or null
 * @param firstSharedLayer the first captured residuals_N from which on every one has one cause, or null; before the model
 *     decides only where the latents are shared too
 * @param remark what a reader should also know; may be empty
 * @param pairs causal transfer of every pair of categories at the decision layer
 * @param layers how far the model has decided, after every layer that was measured
 * @param profile one entry per captured hook point
 * @param thresholds all thresholds in force
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record Verdict(
    Answer answer,
    String headline,
    List<Answer> possible,
    Figure sharedPart,
    Figure similarity,
    List<String> facts,
    List<Check> checks,
    List<String> reasons,
    List<String> nextSteps,
    List<List<String>> clusters,
    Map<String, String> leftOut,
    String decisionLayer,
    String firstSharedLayer,
    String remark,
    List<PairEntry> pairs,
    List<LayerEntry> layers,
    List<ProfileEntry> profile,
    Map<String, Object> thresholds) {

  /** A number with its 95 % interval; NaN where undefined. */
  public record Figure(double value, double low, double high) {
    static Figure of(Estimate estimate) {
      return new Figure(estimate.value(), estimate.interval().low(), estimate.interval().high());
    }

    static Figure undefined() {
      return new Figure(Double.NaN, Double.NaN, Double.NaN);
    }

    /** 1 less the figure. */
    Figure complement() {
      return new Figure(1 - value, 1 - high, 1 - low);
    }
  }

  /**
   * One condition of the answer.
   *
   * @param value in words and figures
   * @param holds whether it is met; null for what was not measured and for what is only reported
   */
  public record Check(String name, String value, Boolean holds) {
    private String mark() {
      return holds == null ? "-" : holds ? "ok" : "NOT";
    }
  }

  /** One pair of categories; the interval is that of 95 %. */
  public record PairEntry(List<String> categories, Figure transfer, PairKind kind) {}

  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record LayerEntry(String hookPoint, Figure decided, boolean captured) {}

  /**
   * One captured hook point. S are means over pairs; D by form key; what was not measured is NaN.
   *
   * @param readout what the categories are read by, or null
   * @param weakForms forms whose D means nothing here
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record ProfileEntry(
      String hookPoint,
      Estimate decided,
      ReadoutSummary readout,
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
  public static Verdict decide(SharingMeasures tests, StatsConfig.Verdict thresholds) {
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
    List<Answer> possible = new ArrayList<>();
    bySeed.forEach((seed, verdict) -> {
      said.add("seed %d %s%s".formatted(seed, verdict.answer(), verdict.inWords()));
      verdict.possible().stream().filter(answer -> !possible.contains(answer)).forEach(possible::add);
    });
    reasons.add("SAE seeds disagree: " + Sentences.list(said));
    bySeed.forEach((seed, verdict) -> {
      if (verdict.answer() == Answer.INCONCLUSIVE) {
        verdict.reasons().forEach(reason -> reasons.add("with SAE seed %d: %s".formatted(seed, reason)));
      }
    });
    possible.sort(null);
    return new Verdict(
        Answer.INCONCLUSIVE,
        "INCONCLUSIVE: autoencoders of different seeds do not lead to the same answer; still possible: %s."
            .formatted(Sentences.choice(possible.stream().map(Answer::name).toList())),
        List.copyOf(possible),
        first.sharedPart,
        first.similarity,
        first.facts,
        first.checks,
        List.copyOf(reasons),
        List.of("train larger autoencoders (train-saes.sae.hidden_dim) or on more tokens: what rests on them must not change with their seed"),
        List.of(),
        first.leftOut,
        first.decisionLayer,
        first.firstSharedLayer,
        "",
        first.pairs,
        first.layers,
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
        answer, headline, possible, sharedPart, similarity, facts, checks, reasons, nextSteps, clusters, leftOut,
        decisionLayer, firstSharedLayer, remark.isEmpty() ? more : remark + "; " + more, pairs, layers, profile,
        thresholds);
  }

  /**
   * What the pipeline ends with: the answer in one sentence, {@code verdict: ANSWER} on a line of its own, then, indented, the
   * facts, what was checked, and, where the answer is INCONCLUSIVE, why and what would settle it.
   */
  public String text() {
    List<String> lines = new ArrayList<>(facts);
    leftOut.forEach((category, why) -> lines.add("left out: %s (%s)".formatted(category, why)));
    if (!remark.isEmpty()) {
      lines.add("remark: " + remark);
    }
    lines.addAll(checkLines());
    if (answer == Answer.INCONCLUSIVE) {
      reasons.forEach(reason -> lines.add("why: " + reason));
      nextSteps.forEach(step -> lines.add("next: " + step));
    }
    StringBuilder text = new StringBuilder("%s\nverdict: %s\n".formatted(headline, answer));
    lines.forEach(line -> text.append("  ").append(line).append('\n'));
    return text.toString();
  }

  private List<String> checkLines() {
    if (checks.isEmpty()) {
      return List.of();
    }
    int width = checks.stream().mapToInt(check -> check.name().length()).max().getAsInt();
    List<String> lines = new ArrayList<>();
    lines.add("checks ([low, high]: interval of 95 %):");
    for (Check check : checks) {
      lines.add("  %-3s %s  %s".formatted(check.mark(), pad(check.name(), width), check.value()));
    }
    return lines;
  }

  private static String pad(String text, int width) {
    return text + " ".repeat(width - text.length());
  }

  static ProfileEntry profileOf(HookPointMeasures point) {
    Estimate none = Estimate.undefined(0.95);
    Map<String, Estimate> distinctness = new LinkedHashMap<>();
    Map<String, String> weak = new LinkedHashMap<>();
    for (Map.Entry<String, TransferStatistics> form : point.transfer().entrySet()) {
      distinctness.put(form.getKey(), form.getValue().usable() ? form.getValue().distinctness() : none);
      if (form.getValue().weak() != null) {
        weak.put(form.getKey(), form.getValue().weak());
      }
    }
    return new ProfileEntry(
        point.hookPoint(),
        point.decided(),
        point.readout(),
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
