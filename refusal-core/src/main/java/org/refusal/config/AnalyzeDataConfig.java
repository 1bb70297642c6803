package org.refusal.config;

import static org.refusal.config.Checks.noRepetition;
import static org.refusal.config.Checks.require;

import java.util.List;

/** configs/data/*.yaml: which prompts, and what to report of them. */
public record AnalyzeDataConfig(
    @Key(doc = "The prompts.") Dataset dataset,
    @Key(doc = "What is checked and drawn.") Analysis analysis,
    @Key(doc = "What is written where.") Output output,
    @Key(doc = "Seed of every random choice.", def = "42", options = "--seed") long seed) {

  /** {@code dataset:} */
  public record Dataset(
      @Key(doc = "Folder with or-bench-80k.csv, or-bench-hard-1k.csv and or-bench-toxic.csv.", def = "data/or-bench",
              options = "--dataset-dir", neutral = true)
          String path,
      @Key(doc = "Categories to use; empty means all that the files hold.", def = "[]", options = "--categories")
          List<String> categories,
      @Key(doc = "Draw prompts at random (seeded) instead of in file order when a category is cut.", def = "true")
          boolean shuffle,
      @Key(doc = "Add the hard prompts (safe but borderline) to the safe pool.", def = "false") boolean includeHard,
      @Key(doc = "use_all takes all toxic prompts of a category and as many safe ones, or all where they are fewer; equalize cuts every category to the smallest toxic count.",
              def = "use_all", choices = {"use_all", "equalize"})
          String categoryBalanceStrategy) {
    public Dataset {
      noRepetition("categories", categories);
    }
  }

  /** {@code analysis:} */
  public record Analysis(
      @Key(doc = "Warn when a category's toxic prompts are less than this share of its safe ones; above 1 it is a percentage (10.0 means 0.1).",
              def = "0.05")
          double minToxicRatioWarning,
      @Key(doc = "Draw the charts.", def = "true", options = "--no-visualizations") boolean generatePlots,
      @Key(doc = "How the charts look.") Plots plots) {
    public Analysis {
      require(
          "min_toxic_ratio_warning",
          minToxicRatioWarning >= 0 && minToxicRatioWarning <= 100,
          minToxicRatioWarning,
          "a share from 0 to 1, or a percentage up to 100");
      minToxicRatioWarning = minToxicRatioWarning > 1 ? minToxicRatioWarning / 100 : minToxicRatioWarning;
    }
  }

  /** {@code analysis.plots:} */
  public record Plots(
      @Key(doc = "Width and height in inches.", def = "[12, 8]") List<Double> figsize,
      @Key(doc = "Pixels per inch of PNG files.", def = "150") int dpi,
      @Key(doc = "Look of the charts; matplotlib's names mean light, dark_background dark.", def = "light",
              choices = {"light", "dark", "print", "default", "seaborn", "seaborn-v0_8", "seaborn-v0_8-darkgrid",
                "seaborn-v0_8-whitegrid", "seaborn-darkgrid", "seaborn-whitegrid", "ggplot", "dark_background"})
          String style) {
    public Plots {
      require(
          "figsize",
          figsize.size() == 2 && figsize.stream().allMatch(inches -> inches > 0 && inches <= 100),
          figsize,
          "width and height in inches, up to 100");
      require("dpi", dpi >= 10 && dpi <= 1200, dpi, "a whole number from 10 to 1200");
    }
  }

  /** {@code output:} */
  public record Output(
      @Key(doc = "Results folder.", def = "results", options = {"--results-dir", "--result-dir"}, neutral = true)
          String resultDir,
      @Key(doc = "Folder of this stage; default {result_dir}/data_analysis.", def = Key.EMPTY,
              options = "--output-dir", neutral = true)
          String dir,
      @Key(doc = "Write the statistics file.", def = "true") boolean saveStatistics,
      @Key(doc = "Write the charts.", def = "true") boolean savePlots) {}
}
