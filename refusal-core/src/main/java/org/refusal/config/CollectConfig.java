package org.refusal.config;

import static org.refusal.config.Checks.atLeast;
import static org.refusal.config.Checks.noRepetition;
import static org.refusal.config.Checks.require;

import java.util.List;

/** configs/models/*.yaml: which model runs on which prompts, and what is kept of it. */
public record CollectConfig(
    @Key(doc = "The model.") ModelSection model,
    @Key(doc = "How it is run.") Inference inference,
    @Key(doc = "The prompts.") Data data,
    @Key(doc = "What is written where.") Output output,
    @Key(doc = "Seed of every random choice.", def = "42", options = "--seed") long seed) {

  /** {@code inference:} */
  public record Inference(
      @Key(doc = "Prompts run at once; does not change results beyond rounding.", def = "16", neutral = true)
          int batchSize,
      @Key(doc = "Tokens generated per prompt, greedily.", def = "20") int maxNewTokens,
      @Key(doc = "Write activations; false writes outputs and labels only.", def = "true") boolean saveActivations,
      @Key(doc = "auto renders the model's own chat template, none feeds the raw prompt (legacy), else a Jinja file.",
              def = "auto")
          String chatTemplate,
      @Key(doc = "System prompt; none leaves it to the template.", def = Key.EMPTY, mayBeEmpty = true) String systemPrompt,
      @Key(doc = "Which token positions are kept.", def = "prompt",
              choices = {"prompt", "last_prompt", "post_instruction", "generated", "last_generated"})
          String positions,
      @Key(doc = "First tokens of refusals (the set R of the metric), as texts; empty means calibrated on the generated answers.",
              def = "[]", mayBeEmpty = true)
          List<String> refusalTokens,
      @Key(doc = "Refusal detector: default, or legacy (the original keyword list).", def = "default",
              choices = {"default", "legacy"})
          String detector,
      @Key(doc = "Also run some 30 prompts that ask for nothing (words, greetings, numbers), to see whether the model refuses by default.",
              def = "true")
          boolean contentFree,
      @Key(doc = "Record prompts that cannot be run as missing and go on, instead of stopping.", def = "false",
              options = "--keep-going")
          boolean keepGoing) {
    public Inference {
      atLeast("batch_size", batchSize, 1);
      atLeast("max_new_tokens", maxNewTokens, 1);
      require(
          "refusal_tokens", refusalTokens.stream().noneMatch(String::isEmpty), refusalTokens,
          "a list of texts: an empty text is no token");
    }
  }

  /** {@code data:} */
  public record Data(
      @Key(doc = "Folder with the OR-Bench CSV files.", def = "data/or-bench",
              options = {"--dataset-dir", "--data-path"}, neutral = true)
          String path,
      @Key(doc = "Categories to use; empty means all that the files hold.", def = "[]", options = "--categories")
          List<String> categories,
      @Key(doc = "use_all takes all toxic prompts of a category and as many safe ones, or all where they are fewer; equalize cuts every category to the smallest toxic count.",
              def = "use_all", choices = {"use_all", "equalize"})
          String categoryBalanceStrategy,
      @Key(doc = "How the files are read and balanced: default, or legacy (as the original did, in file order, uneven where safe prompts are lacking).",
              def = "default", choices = {"default", "legacy"})
          String variant,
      @Key(doc = "Add the hard prompts (safe but borderline) to the safe pool.", def = "false") boolean includeHard,
      @Key(doc = "At most so many toxic and as many safe prompts per category; 0 means all.", def = "0")
          int maxPromptsPerCategory,
      @Key(doc = "Share of every category and label that is held out from discovery.", def = "0.3")
          double heldoutFraction,
      @Key(doc = "all, or behaviour_consistent: later stages use only toxic prompts that were refused and safe ones that were answered.",
              def = "all", choices = {"all", "behaviour_consistent"})
          String keep) {
    public Data {
      noRepetition("categories", categories);
      atLeast("max_prompts_per_category", maxPromptsPerCategory, 0);
      boolean legacy = variant.equals("legacy");
      require("include_hard", !(legacy && includeHard), includeHard, "possible with variant legacy, whose sets hold no hard prompts");
      require(
          "max_prompts_per_category", !(legacy && maxPromptsPerCategory > 0), maxPromptsPerCategory,
          "possible with variant legacy, which takes all");
      require("heldout_fraction", heldoutFraction >= 0 && heldoutFraction < 1, heldoutFraction, "at least 0 and below 1");
    }
  }

  /** {@code output:} */
  public record Output(
      @Key(doc = "Results folder.", def = "results",
              options = {"--results-dir", "--result-dir", "--output-dir"}, neutral = true)
          String resultDir) {}
}
