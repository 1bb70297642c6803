package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.refusal.base.UserException;
import org.refusal.circuit.ErrorMode;
import org.refusal.circuit.Node;
import org.refusal.io.Json;
import org.refusal.subject.PromptTokens;

/**
 * {@code {model}_{category}_metrics.json}; see the package description.
 *
 * @param baseline paired, mean or zero
 * @param errors keep, circuit or ablate
 * @param hookPoints those patched together, YAML names in forward order
 * @param curve circuits of growing size from the ranking by |effect|
 * @param circuits {@code discovered}; the same with errors treated otherwise, such as {@code discovered_errors_keep};
 *     {@code legacy}: as many latents per hook point, by correlation with the label, and the same error nodes
 * @param directionAblation the difference-of-means direction projected out; null where there is none
 * @param sideEffects on safe prompts, by intervention
 * @param behaviour refusals in generated text, by intervention; null unless asked for
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record CategoryMetrics(
    String format,
    int version,
    String model,
    String category,
    String baseline,
    String errors,
    long seed,
    int bootstrap,
    String unit,
    List<String> hookPoints,
    RefusalGap gap,
    FaithfulnessCurve curve,
    Map<String, NamedCircuit> circuits,
    Drop directionAblation,
    Map<String, SideEffects> sideEffects,
    Map<String, Behaviour> behaviour) {
  static final String FORMAT = "refusal-evaluation";
  static final int VERSION = 1;

  /** @param size number of nodes */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record NamedCircuit(int size, CircuitScore score, Resampled faithfulness, Resampled completeness) {

    /**
     * Three patched runs per prompt.
     *
     * @param interventions say how SAE errors are treated
     * @param model F(M) of every prompt
     */
    public static NamedCircuit measure(
        PatchedRuns runs,
        CircuitInterventions interventions,
        List<PromptTokens> prompts,
        double[] model,
        List<? extends Node> nodes,
        int bootstrap,
        SplittableRandom random) {
      double[][] m =
          runs.metric(
              prompts,
              List.of(
                  interventions.circuit("the circuit", nodes),
                  interventions.complement("all but the circuit", nodes),
                  interventions.empty()));
      CircuitScore score = new CircuitScore(model, m[0], m[1], m[2]);
      return new NamedCircuit(
          nodes.size(),
          score,
          score.faithfulness(bootstrap, random.split()),
          score.completeness(bootstrap, random.split()));
    }
  }

  /**
   * @param drops F(M) - F(intervention) of every prompt, nats
   * @param drop their mean in units of Delta
   */
  @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
  public record Drop(double[] drops, Resampled drop) {

    /** One patched run per prompt. */
    public static Drop measure(
        PatchedRuns runs,
        List<PromptTokens> prompts,
        RefusalGap gap,
        Intervention intervention,
        int bootstrap,
        SplittableRandom random) {
      double[] patched = runs.metric(prompts, List.of(intervention))[0];
      double[] drops = new double[patched.length];
      for (int p = 0; p < drops.length; p++) {
        drops[p] = gap.metric()[p] - patched[p];
      }
      return new Drop(
          drops,
          Resampled.bootstrap(
              new int[] {drops.length},
              bootstrap,
              random,
              chosen -> Resampled.mean(drops, chosen[0]) / gap.delta(chosen[0])));
    }
  }

  public static CategoryMetrics of(
      String model,
      String category,
      String baseline,
      ErrorMode errors,
      long seed,
      int bootstrap,
      List<String> hookPoints,
      RefusalGap gap,
      FaithfulnessCurve curve,
      Map<String, NamedCircuit> circuits,
      Drop directionAblation,
      Map<String, SideEffects> sideEffects,
      Map<String, Behaviour> behaviour) {
    return new CategoryMetrics(
        FORMAT, VERSION, model, category, baseline, errors.key(), seed, bootstrap,
        "per prompt: nats of log-odds; drop: Delta", hookPoints, gap, curve, circuits, directionAblation, sideEffects,
        behaviour);
  }

  public void write(Path file) {
    Json.write(file, this);
  }

  public static CategoryMetrics read(Path file) {
    CategoryMetrics read = Json.read(file, CategoryMetrics.class);
    if (!FORMAT.equals(read.format) || read.version != VERSION) {
      throw UserException.badData("%s: is no %s file of version %d".formatted(file, FORMAT, VERSION));
    }
    return read;
  }
}
