package org.refusal.config;

import static org.refusal.config.Checks.atLeast;
import static org.refusal.config.Checks.noRepetition;
import static org.refusal.config.Checks.notNegative;
import static org.refusal.config.Checks.positive;
import static org.refusal.config.Checks.require;

import java.util.List;

/** configs/sae/*.yaml: the sparse autoencoders, one per hook point. */
public record TrainSaesConfig(
    @Key(doc = "The model whose activations are used.") ModelSection model,
    @Key(doc = "What it is trained on.") Data data,
    @Key(doc = "The autoencoder.") Sae sae,
    @Key(doc = "How it is trained.") Training training,
    @Key(doc = "What is written where.") Output output,
    @Key(doc = "Seed of every random choice.", def = "42", options = "--seed") long seed) {

  /** {@code data:} */
  public record Data(
      @Key(doc = "Categories to train on; empty means all that were collected.", def = "[]", options = "--categories")
          List<String> categories) {
    public Data {
      noRepetition("categories", categories);
    }
  }

  /** {@code sae:} */
  public record Sae(
      @Key(doc = "Number of latents d_sae.", def = "8192") int hiddenDim,
      @Key(doc = "Weight of the mean absolute activation in the loss; 0 for none.", def = "0.0") double sparsityCoeff,
      @Key(doc = "Active latents per token as a share of hidden_dim: k = max(1, floor(hidden_dim * k_percent)).",
              def = "0.05")
          double kPercent,
      @Key(doc = "Active latents per token; overrides k_percent.", def = Key.EMPTY) Integer k,
      @Key(doc = "topk (docs/autoencoders.md), or legacy (the original project's autoencoder).", def = "topk",
              choices = {"topk", "legacy"})
          String variant,
      @Key(doc = "A latent is dead when it was not active for so many tokens.", def = "100000") long deadAfter,
      @Key(doc = "A token is an attention sink when its norm exceeds so many times the median norm of the hook point.",
              def = "10.0")
          double sinkFactor) {
    public Sae {
      atLeast("hidden_dim", hiddenDim, 1);
      notNegative("sparsity_coeff", sparsityCoeff);
      require("k_percent", kPercent > 0 && kPercent <= 1, kPercent, "a share above 0, up to 1");
      require("k", k == null || (k >= 1 && k <= hiddenDim), k, "a whole number from 1 to hidden_dim, " + hiddenDim);
      atLeast("dead_after", deadAfter, 1);
      positive("sink_factor", sinkFactor);
    }
  }

  /** {@code training:} */
  public record Training(
      @Key(doc = "Passes over the training tokens.", def = "50") int epochs,
      @Key(doc = "Tokens per step.", def = "512") int batchSize,
      @Key(doc = "At most so many training tokens, drawn at random; 0 means all.", def = "0") long maxSamples,
      @Key(doc = "Stop after so many steps; 0 means when the epochs are over.", def = "0") long maxSteps,
      @Key(doc = "Draw as many tokens from safe as from toxic prompts.", def = "true") boolean balanceSafeToxic,
      @Key(doc = "Draw categories by the weights in category_weights.json.", def = "false") boolean useCategoryWeights,
      @Key(doc = "auto = 2e-4 / sqrt(hidden_dim / 2^14), or a number.", def = "auto") String learningRate,
      @Key(doc = "Memory for the activations that wait to be trained on, in MiB, shared by the hook points in training.", def = "512",
              neutral = true)
          int windowMib,
      @Key(doc = "Hook points trained side by side in one pass over the files; each needs 40 bytes per weight.", def = "2",
              neutral = true)
          int hookPointsAtOnce,
      @Key(doc = "Steps between checkpoints from which a killed run goes on.", def = "500", neutral = true)
          int checkpointEvery,
      @Key(doc = "Stop when the mean FVU of 1/200 of the steps has not been lowered so many times in a row; 0 never stops early.",
              def = "0")
          int patience,
      @Key(doc = "Held-out prompts on which the model runs with each autoencoder in place (cross-entropy, KL); 0 for none.",
              def = "32")
          int cePrompts) {
    public Training {
      atLeast("epochs", epochs, 1);
      atLeast("batch_size", batchSize, 2);
      atLeast("max_samples", maxSamples, 0);
      atLeast("max_steps", maxSteps, 0);
      require("learning_rate", learningRate.equals("auto") || isPositive(learningRate), learningRate,
          "auto or a number above 0");
      atLeast("window_mib", windowMib, 1);
      atLeast("hook_points_at_once", hookPointsAtOnce, 1);
      atLeast("checkpoint_every", checkpointEvery, 1);
      atLeast("patience", patience, 0);
      atLeast("ce_prompts", cePrompts, 0);
    }

    private static boolean isPositive(String number) {
      try {
        return Double.parseDouble(number) > 0 && Double.isFinite(Double.parseDouble(number));
      } catch (NumberFormatException e) {
        return false;
      }
    }
  }

  /** {@code output:} */
  public record Output(
      @Key(doc = "Results folder.", def = "results", options = {"--results-dir", "--result-dir"}, neutral = true)
          String resultDir,
      @Key(doc = "Folder of the autoencoders; default {result_dir}/saes.", def = Key.EMPTY, options = "--output-dir",
              neutral = true)
          String saveDir,
      @Key(doc = "Write training_history.json.", def = "true") boolean saveHistory) {}
}
