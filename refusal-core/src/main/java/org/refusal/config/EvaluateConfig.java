package org.refusal.config;

import static org.refusal.config.Checks.atLeast;
import static org.refusal.config.Checks.fraction;
import static org.refusal.config.Checks.noRepetition;
import static org.refusal.config.Checks.require;

import java.nio.file.Path;
import java.util.List;

/** Causal evaluation on held-out prompts. */
public record EvaluateConfig(
    @Key(doc = "The model.") ModelSection model,
    @Key(doc = "What is measured.") Evaluation evaluation,
    @Key(doc = "Transfer of circuits between categories.") Transfer transfer,
    @Key(doc = "What is written where.") Output output,
    @Key(doc = "Seed of every random choice.", def = "42", options = "--seed") long seed) {

  /** {@code evaluation:} */
  public record Evaluation(
      @Key(doc = "Categories; empty means all that have a circuit.", def = "[]", options = "--categories")
          List<String> categories,
      @Key(doc = "What a node is set to in faithfulness curves and circuits; transfer always takes the partners of discover.", def = "paired", choices = {"paired", "mean", "zero"}) String baseline,
      @Key(doc = "SAE errors in patched runs; default: circuit.errors of discover, as the circuit file says.",
              def = Key.EMPTY, choices = {"keep", "circuit", "ablate"})
          String errors,
      @Key(doc = "Number of circuit sizes of the faithfulness curve, log-spaced.", def = "12") int curveSizes,
      @Key(doc = "Random circuits of equal size per hook point that each curve is compared with.", def = "20")
          int randomCircuits,
      @Key(doc = "Bootstrap resamples of every interval.", def = "1000") int bootstrap,
      @Key(doc = "At most so many held-out prompts per category; 0 means all.", def = "0") int maxPromptsPerCategory,
      @Key(doc = "At most so many held-out prompts per category for the faithfulness curves and side effects, which cost most; 0 means all.",
              def = "0")
          int curvePrompts,
      @Key(doc = "Rows run at once; does not change results beyond rounding.", def = "32", neutral = true)
          int batchSize,
      @Key(doc = "Also generate text without the circuit, and without the difference-of-means direction, and report the refusal rates; curve_prompts prompts.", def = "false")
          boolean behaviour,
      @Key(doc = "At most so many held-out prompts per category whose text is generated under every part of transfer at every hook point, for transfer by behaviour; 0 means none.",
              def = "4")
          int behaviourPrompts,
      @Key(doc = "At most so many held-out prompts per category on which decided is measured at every layer of the model, captured or not; 0 means at captured hook points only.",
              def = "16")
          int decisionPrompts,
      @Key(doc = "Reproduce the original project's scores beside the sound ones.", def = "false") boolean legacy) {
    public Evaluation {
      noRepetition("categories", categories);
      atLeast("curve_sizes", curveSizes, 2);
      atLeast("random_circuits", randomCircuits, 0);
      atLeast("bootstrap", bootstrap, 1);
      atLeast("max_prompts_per_category", maxPromptsPerCategory, 0);
      atLeast("curve_prompts", curvePrompts, 0);
      atLeast("batch_size", batchSize, 1);
      atLeast("behaviour_prompts", behaviourPrompts, 0);
      atLeast("decision_prompts", decisionPrompts, 0);
    }
  }

  /** {@code transfer:} */
  public record Transfer(
      @Key(doc = "Forms in which a category's part in refusal is taken away.",
              def = "[effect, latent, direction, difference_of_means]")
          List<String> forms,
      @Key(doc = "Read-out of the effect form: reproducible (directions of the categories' gradients that come back in other prompts) or pooled (leading directions of all gradients' energy).",
              def = "reproducible", choices = {"reproducible", "pooled"})
          String effect,
      @Key(doc = "What the effect form takes from another category's prompts along a category's direction: own (as much as they have of their own category's evidence) or partner (the component is set to the partner's; finds a shared part of s as s squared at most).",
              def = "own", choices = {"own", "partner"})
          String amount,
      @Key(doc = "Driving latents are taken, largest first, until they carry this share of the driving prompt-side effect.",
              def = "0.95")
          double share,
      @Key(doc = "At most so many driving latents.", def = "512") int maxLatents,
      @Key(doc = "Share of the circuit decoder rows' energy that the direction form keeps.", def = "0.95")
          double directionEnergy,
      @Key(doc = "At most so many dimensions of the direction form.", def = "16") int maxDirections,
      @Key(doc = "Random latent sets and spans of equal size as controls.", def = "2") int controls,
      @Key(doc = "Resamples of the discovery prompts whose effect directions are run as well, for intervals: none, or at least 2; fewer make them wider.", def = "8")
          int directionResamples) {
    public Transfer {
      noRepetition("forms", forms);
      fraction("share", share);
      atLeast("max_latents", maxLatents, 1);
      fraction("direction_energy", directionEnergy);
      atLeast("max_directions", maxDirections, 1);
      atLeast("controls", controls, 0);
      require(
          "direction_resamples", directionResamples == 0 || directionResamples >= 2, directionResamples,
          "0 or at least 2");
    }
  }

  /** {@code output:} */
  public record Output(
      @Key(doc = "Results folder.", def = "results", options = {"--results-dir", "--result-dir"}, neutral = true)
          String resultDir,
      @Key(doc = "Folder of the circuits; default {result_dir}/circuits.", def = Key.EMPTY,
              options = {"--circuits-dir", "--circuit-dir"}, neutral = true)
          String circuitsDir,
      @Key(doc = "Folder of this stage; default {result_dir}/evaluation.", def = Key.EMPTY, options = "--output-dir",
              neutral = true)
          String dir,
      @Key(doc = "Draw the charts.", def = "true", options = "--no-visualizations") boolean generateVisualizations) {

    /** Where a file of this stage goes: {@code output.dir} where it is given. */
    public Path place(Path usual) {
      return dir == null ? usual : Path.of(dir).resolve(usual.getFileName());
    }
  }
}
