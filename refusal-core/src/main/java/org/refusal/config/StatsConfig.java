package org.refusal.config;

import static org.refusal.config.Checks.atLeast;
import static org.refusal.config.Checks.noRepetition;
import static org.refusal.config.Checks.require;
import static org.refusal.config.Checks.fraction;

import java.util.List;

/** Statistics over stored attributions and transfer, and the verdict. */
public record StatsConfig(
    @Key(doc = "The model.") ModelSection model,
    @Key(doc = "The tests.") Stats stats,
    @Key(doc = "Thresholds of the verdict (docs/definitions.md).") Verdict verdict,
    @Key(doc = "What is written where.") Output output,
    @Key(doc = "Seed of every random choice.", def = "42", options = "--seed") long seed) {

  /** {@code stats:} */
  public record Stats(
      @Key(doc = "Categories; empty means all that have attributions.", def = "[]", options = "--categories")
          List<String> categories,
      @Key(doc = "Permutations B of every permutation test; p = (b + 1) / (B + 1).", def = "2000") int permutations,
      @Key(doc = "Bootstrap resamples of every interval.", def = "1000") int bootstrap,
      @Key(doc = "Reproduce the original project's significance test beside the sound ones.", def = "false")
          boolean legacy,
      @Key(doc = "Seeds of the autoencoders whose verdicts must agree: the results of the first lie in the results folder, those of the others in its sae_seeds/SEED. A pipeline's `seeds` sets it.",
              def = "[]")
          List<Long> saeSeeds) {
    public Stats {
      noRepetition("categories", categories);
      noRepetition("sae_seeds", saeSeeds);
      atLeast("permutations", permutations, 1);
      atLeast("bootstrap", bootstrap, 1);
    }
  }

  /** {@code verdict:} */
  public record Verdict(
      @Key(doc = "A hook point is where the model has decided from this drop on, in units of the refusal gap.", def = "0.5")
          double decided,
      @Key(doc = "delta_hi: a pair of categories is shared when the 90 % interval of its causal transfer lies above.", def = "0.8") double shared,
      @Key(doc = "delta_lo: a pair is distinct when its 95 % interval lies below.", def = "0.5") double distinct,
      @Key(doc = "Share of pairs that must be shared (distinct) for one cause (several).", def = "0.9") double pairShare,
      @Key(doc = "One cause needs D_effect's interval below.", def = "0.2") double oneCauseD,
      @Key(doc = "Several causes need D_effect's interval above.", def = "0.5") double severalCausesD,
      @Key(doc = "Causal transfer at which the average-linkage tree of categories is cut into clusters.", def = "0.65") double clusterCut,
      @Key(doc = "Least bootstrap support of the clusters.", def = "0.8") double clusterSupport,
      @Key(doc = "Least difference of the transfer within clusters from that between them.", def = "0.1") double clusterGap,
      @Key(doc = "Least AUC of the metric, refused against complied held-out prompts.", def = "0.8") double minAuc,
      @Key(doc = "Least refused discovery prompts per category; a category with fewer is left out where three others remain.", def = "20") int minDiscovery,
      @Key(doc = "Least refused held-out prompts per category, likewise.", def = "8") int minHeldout,
      @Key(doc = "Least reliability of a category's mean effect vector.", def = "0.3") double minReliability,
      @Key(doc = "Completeness within which an attribution is called reliable.", def = "[0.5, 1.5]")
          List<Double> completeness,
      @Key(doc = "A transfer form is weak when its own drop, in units of the gap, is less.", def = "0.1")
          double weakDrop) {
    public Verdict {
      require("distinct", distinct <= shared, distinct, "at most shared, " + shared);
      fraction("pair_share", pairShare);
      require("one_cause_d", oneCauseD <= severalCausesD, oneCauseD, "at most several_causes_d, " + severalCausesD);
      fraction("cluster_support", clusterSupport);
      fraction("cluster_gap", clusterGap);
      fraction("min_auc", minAuc);
      atLeast("min_discovery", minDiscovery, 1);
      atLeast("min_heldout", minHeldout, 1);
      require("completeness", completeness.size() == 2 && completeness.get(0) <= completeness.get(1), completeness,
          "a lower and an upper bound");
    }
  }

  /** {@code output:} */
  public record Output(
      @Key(doc = "Results folder.", def = "results", options = {"--results-dir", "--result-dir"}, neutral = true)
          String resultDir,
      @Key(doc = "Folder of this stage; default {result_dir}/evaluation_stats.", def = Key.EMPTY,
              options = "--output-dir", neutral = true)
          String dir) {}
}
