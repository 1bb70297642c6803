package org.refusal.config;

import static org.refusal.config.Checks.atLeast;
import static org.refusal.config.Checks.fraction;
import static org.refusal.config.Checks.noRepetition;
import static org.refusal.config.Checks.notNegative;

import java.util.List;

/** configs/circuits/*.yaml: attribution, selection and comparison of circuits. Used by discover and analyze. */
public record DiscoverConfig(
    @Key(doc = "The model.") ModelSection model,
    @Key(doc = "How nodes and edges are scored and chosen.") CircuitSection circuit,
    @Key(doc = "On which prompts.") Discovery discovery,
    @Key(doc = "How circuits are compared.") Analysis analysis,
    @Key(doc = "What is written where.") Output output,
    @Key(doc = "Seed of every random choice.", def = "42", options = "--seed") long seed) {

  /** {@code circuit:} */
  public record CircuitSection(
      @Key(doc = "Least importance of a node: as a share of the circuit's largest, or absolute for attribution_method stats.",
              def = "0.1")
          double nodeThreshold,
      @Key(doc = "Least |weight| of an edge, as a share of the circuit's largest, or absolute for edges legacy.",
              def = "0.01")
          double edgeThreshold,
      @Key(doc = "At most (selection relative) or exactly (top_n) so many nodes per hook point.", def = "64")
          int topNPerLayer,
      @Key(doc = "Positions to one value per prompt, for attribution_method stats; none takes the last token.",
              def = "mean", choices = {"mean", "max", "none"})
          String aggregationMethod,
      @Key(doc = "ig (integrated gradients), atp (attribution patching), exact, or stats (legacy correlation).",
              def = "ig", choices = {"ig", "atp", "exact", "stats"})
          String attributionMethod,
      @Key(doc = "What a node is set to: the value in a paired answered safe prompt (partners), a group mean, or zero.",
              def = "paired", choices = {"paired", "mean", "zero"})
          String baseline,
      @Key(doc = "Where the answered safe prompts come from that prompts are paired with (also in evaluate): matched is the prompt's own category, pool all categories; auto is matched where every category has at least 20 that are about the same as its harmful prompts, else pool.",
              def = "auto", choices = {"auto", "matched", "pool"})
          String partners,
      @Key(doc = "SAE errors in the patched runs of evaluate: circuit makes them nodes that compete with latents; keep never replaces them, ablate always does, so that circuits hold latents only.", def = "circuit",
              choices = {"keep", "circuit", "ablate"})
          String errors,
      @Key(doc = "relative keeps nodes above node_threshold, top_n exactly top_n_per_layer.", def = "relative",
              choices = {"relative", "top_n"})
          String selection,
      @Key(doc = "Steps N of integrated gradients.", def = "10") int igSteps,
      @Key(doc = "Where in each of the N intervals the gradient is taken.", def = "midpoint",
              choices = {"midpoint", "left"})
          String igRule,
      @Key(doc = "separate moves latents and error one after the other, joint both at once (sums to the full effect, a third of the cost).",
              def = "separate", choices = {"separate", "joint"})
          String igPath,
      @Key(doc = "Categories with fewer refused discovery prompts do not shape the reproducible read-out (effect form of transfer): what single prompts are read for would drown it.",
              def = "10")
          int readoutMinPrompts,
      @Key(doc = "A direction belongs to the pooled read-out (transfer.effect: pooled) when it carries at least this share of a category's gradient energy, seen in all categories pooled: this / categories of the pooled energy.",
              def = "0.01")
          double readoutEnergy,
      @Key(doc = "At most so many dimensions of the pooled read-out.", def = "64") int maxReadoutRank,
      @Key(doc = "causal, legacy (correlation) or none; auto is legacy for attribution_method stats, else causal.",
              def = "auto", choices = {"auto", "causal", "legacy", "none"})
          String edges) {
    public CircuitSection {
      notNegative("node_threshold", nodeThreshold);
      notNegative("edge_threshold", edgeThreshold);
      atLeast("top_n_per_layer", topNPerLayer, 1);
      atLeast("ig_steps", igSteps, 1);
      atLeast("readout_min_prompts", readoutMinPrompts, 2);
      fraction("readout_energy", readoutEnergy);
      atLeast("max_readout_rank", maxReadoutRank, 1);
    }
  }

  /** {@code discovery:} */
  public record Discovery(
      @Key(doc = "Circuits from toxic and from safe prompts separately; otherwise one from both.", def = "true")
          boolean separateSafeToxic,
      @Key(doc = "Categories; empty means all that were collected.", def = "[]", options = "--categories")
          List<String> categories,
      @Key(doc = "What makes a prompt count as toxic: its file's label, or whether the model refused it.",
              def = "dataset", choices = {"dataset", "behaviour"})
          String labelSource,
      @Key(doc = "At most so many discovery prompts per category and label; 0 means all.", def = "0")
          int maxPromptsPerCategory,
      @Key(doc = "Attribute safe prompts too, for circuits of theirs; false halves the cost and leaves the verdict as it is.",
              def = "true")
          boolean safePrompts,
      @Key(doc = "Prompts run at once; does not change results beyond rounding.", def = "8", neutral = true)
          int batchSize,
      @Key(doc = "Go on when the metric does not separate refused from answered prompts (AUC below .6).", def = "false")
          boolean force) {
    public Discovery {
      noRepetition("categories", categories);
      atLeast("max_prompts_per_category", maxPromptsPerCategory, 0);
      atLeast("batch_size", batchSize, 1);
    }
  }

  /** {@code analysis:} */
  public record Analysis(
      @Key(doc = "Cut circuits to the size of the smallest before the legacy similarity.", def = "false")
          boolean equalizeCircuits,
      @Key(doc = "Compare categories.", def = "true") boolean compareCategories,
      @Key(doc = "Draw heatmaps and dendrograms.", def = "true", options = "--no-visualizations") boolean generateVisualizations) {}

  /** {@code output:} */
  public record Output(
      @Key(doc = "Results folder.", def = "results", options = {"--results-dir", "--result-dir"}, neutral = true)
          String resultDir,
      @Key(doc = "Folder of the circuits; default {result_dir}/circuits.", def = Key.EMPTY,
              options = {"--circuits-dir", "--circuit-dir"}, neutral = true)
          String circuitsDir,
      @Key(doc = "Folder of the pictures; default {result_dir}/visualizations/{model}.", def = Key.EMPTY, neutral = true)
          String visualizationsDir,
      @Key(doc = "Folder of the comparison reports; default {result_dir}/similarity.", def = Key.EMPTY,
              options = "--output-dir", neutral = true)
          String reportsDir) {}
}
