package org.refusal.trial;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.refusal.demo.PlantedKind;
import org.refusal.demo.PlantedSpec;
import org.refusal.demo.PlantedVariant;
import org.refusal.io.Json;
import org.refusal.run.ResultLayout;

/**
 * What the pipeline said of one planted model, beside the truth.
 *
 * @param kind as planted
 * @param share of a graded model; null of others
 * @param variant what made it harder
 * @param seed of model, prompts and every random choice of the pipeline
 * @param toxicPerCategory toxic prompts of each category
 * @param expected the answer that is right; INCONCLUSIVE where there is no refusal or too few prompts
 * @param found the verdict's answer
 * @param clusters the verdict's, those of the truth beside them; likewise the two layers
 * @param reasons the verdict's
 * @param sEffect mean S_effect at the true decision layer; NaN where it was not measured
 * @param dEffect D_effect there; NaN where undefined
 * @param shared the shared part, 1 - D_effect, there; null where undefined or where nothing is shared because nothing is refused
 * @param legacySimilarity mean over pairs of the original project's similarity of its own toxic circuits, made from the
 *     same model and prompts; NaN where that pipeline was not run
 */
@JsonNaming(SnakeCaseStrategy.class)
public record PlantedTrial(
    String kind,
    Double share,
    String variant,
    long seed,
    List<Integer> toxicPerCategory,
    String expected,
    String found,
    List<List<String>> clusters,
    List<List<String>> trueClusters,
    String decisionLayer,
    String trueDecisionLayer,
    String firstSharedLayer,
    String trueFirstSharedLayer,
    List<String> reasons,
    double sEffect,
    double dEffect,
    Shared shared,
    double legacySimilarity) {

  /**
   * How much of what makes a category refuse others' parts carry.
   *
   * @param truth as planted
   * @param value as found
   * @param low its 95 % interval
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Shared(double truth, double value, double low, double high) {
    private static Shared read(JsonNode truth, JsonNode d) {
      double value = 1 - d.path("value").asDouble(Double.NaN);
      return truth.isNumber() && Double.isFinite(value)
          ? new Shared(
              truth.asDouble(),
              value,
              1 - d.at("/interval/high").asDouble(Double.NaN),
              1 - d.at("/interval/low").asDouble(Double.NaN))
          : null;
    }

    boolean covered() {
      return low <= truth && truth <= high;
    }
  }

  /** Shares nearer to a bar than this may be found on either side of it: the measurement is as good as that. */
  private static final double AT_BAR = .02;

  /** How an answer compares with the truth. */
  public enum Outcome {
    /** The answer that is expected. */
    RIGHT,
    /** INCONCLUSIVE where an answer was to be had. */
    UNDECIDED,
    /** Another answer than the truth, and not INCONCLUSIVE. */
    WRONG
  }

  /**
   * Reads what the stages wrote.
   *
   * @param planted folder of the model, with {@code truth.json}
   * @param legacySimilarity NaN where not measured
   */
  public static PlantedTrial read(
      PlantedVariant variant, PlantedSpec spec, Path planted, Path results, String model, double legacySimilarity) {
    JsonNode truth = Json.read(planted.resolve("truth.json"));
    JsonNode verdict = Json.read(new ResultLayout(results).stats(model)).path("verdict");
    String trueDecision = text(truth.path("decision_layer"));
    JsonNode there = Json.mapper().missingNode();
    for (JsonNode entry : verdict.path("profile")) {
      if (entry.path("hook_point").asText().equals(trueDecision)) {
        there = entry;
      }
    }
    return new PlantedTrial(
        spec.kind().text(),
        spec.kind() == PlantedKind.GRADED ? spec.share() : null,
        variant.text(),
        spec.seed(),
        spec.toxicSizes(),
        variant.expected(spec),
        verdict.path("answer").asText(),
        clusters(verdict.path("clusters")),
        clusters(truth.path("clusters")),
        text(verdict.path("decision_layer")),
        trueDecision,
        text(verdict.path("first_shared_layer")),
        text(truth.path("first_shared_layer")),
        strings(verdict.path("reasons")),
        there.at("/s_effect/value").asDouble(Double.NaN),
        there.at("/d/effect/value").asDouble(Double.NaN),
        Shared.read(truth.path("shared_part"), there.at("/d/effect")),
        legacySimilarity);
  }

  /** Mean over pairs of the original project's similarity of the toxic circuits; NaN when there were none. */
  public static double legacySimilarity(Path results, String model) {
    Path file = new ResultLayout(results).similarity(model);
    return Files.isRegularFile(file)
        ? Json.read(file).at("/groups/toxic_toxic/means/legacy/pooled/between").asDouble(Double.NaN)
        : Double.NaN;
  }

  private static String text(JsonNode node) {
    return node.isTextual() ? node.asText() : null;
  }

  private static List<String> strings(JsonNode array) {
    List<String> strings = new ArrayList<>();
    array.forEach(each -> strings.add(each.asText()));
    return strings;
  }

  private static List<List<String>> clusters(JsonNode array) {
    List<List<String>> clusters = new ArrayList<>();
    array.forEach(each -> clusters.add(strings(each)));
    return clusters;
  }

  Outcome outcome() {
    if (found.equals(expected) || share != null && atBar(expected) && atBar(found)) {
      return Outcome.RIGHT;
    }
    return found.equals(PlantedKind.NONE.verdict()) ? Outcome.UNDECIDED : Outcome.WRONG;
  }

  /** Whether the share lies at a bar to which the answer is one side. */
  private boolean atBar(String answer) {
    return Math.abs(share - PlantedSpec.ONE) < AT_BAR && Set.of("GRADED", "MONOLITHIC").contains(answer)
        || Math.abs(share - PlantedSpec.SEVERAL) < AT_BAR && Set.of("GRADED", "MODULAR").contains(answer);
  }

  /** Whether the answer's clusters are the true ones; an INCONCLUSIVE has none. */
  boolean clustersRight() {
    return sets(clusters).equals(
        expected.equals(PlantedKind.NONE.verdict()) ? Set.of() : sets(trueClusters));
  }

  private static Set<Set<String>> sets(Collection<? extends Collection<String>> clusters) {
    Set<Set<String>> sets = new LinkedHashSet<>();
    clusters.forEach(cluster -> sets.add(new LinkedHashSet<>(cluster)));
    return sets;
  }

  /** Whether the profile is right: where it is decided, and from where on one cause serves all. */
  boolean profileRight() {
    return java.util.Objects.equals(decisionLayer, trueDecisionLayer)
        && java.util.Objects.equals(firstSharedLayer, trueFirstSharedLayer);
  }

  int categories() {
    return toxicPerCategory.size();
  }

  /** {@code 36}, or {@code 36-72} where categories differ. */
  String sizes() {
    int least = Collections.min(toxicPerCategory);
    int most = Collections.max(toxicPerCategory);
    return least == most ? Integer.toString(least) : least + "-" + most;
  }
}
