package org.refusal.stage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.attribution.AttributionCheck;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.collected.CollectReport.Rate;
import org.refusal.collected.CollectReport.RefusalToken;
import org.refusal.collected.CollectReport.Separation;
import org.refusal.collected.CollectReport.Sides;
import org.refusal.collected.CollectReport;
import org.refusal.compare.SimilarityFile;
import org.refusal.evaluation.BehaviourTransfer;
import org.refusal.evaluation.CategoryMetrics;
import org.refusal.evaluation.DecisionProfile;
import org.refusal.evaluation.FaithfulnessCurve;
import org.refusal.evaluation.RefusalGap;
import org.refusal.evaluation.Refusals;
import org.refusal.evaluation.Resampled;
import org.refusal.evaluation.Share;
import org.refusal.evaluation.SideEffects;
import org.refusal.evaluation.TransferFile;
import org.refusal.evaluation.TransferMatrix;
import org.refusal.io.Json;
import org.refusal.run.ResultLayout;
import org.refusal.verdict.StatsFile;
import org.refusal.verdict.VerdictExamples;

/** A results folder with hand-made files of the earlier stages, for the model {@code tiny}. */
record ReportFolders(ResultLayout layout, Path model) {
  private static final HookPoint AT = HookPoint.residuals(2);

  void collected() {
    Rate refused = new Rate(20, 19, 1, .95, .76, .99, 20);
    Rate answered = new Rate(20, 0, 0, 0, 0, .16, 20);
    Map<String, Sides> categories = new LinkedHashMap<>();
    categories.put("hate", new Sides(refused, null, answered));
    categories.put("self_harm", new Sides(refused, null, answered));
    Json.write(
        layout.collectReport("tiny"),
        new CollectReport(
            "tiny", "the model's own", List.of(new RefusalToken(6, "Sorry")), true,
            new Separation(.97, .91, .99, 38, 42), categories, new Sides(refused, null, answered), answered, "all",
            List.of("hate/3"), Map.of(), 100, 200, List.of(), null,
            new CollectReport.DefaultRefusal(30, 3, .1, .03, .26)));
  }

  void attributed() {
    AttributionCheck.write(
        layout.attributionCheck("tiny"),
        List.of(
            new AttributionCheck("hate", AT, "ig", 1.01, .9, 1.1, .6, .3, .1, -8, 8, .61, 3, 400, 14),
            new AttributionCheck("self_harm", AT, "ig", 1.9, 1.6, 2.1, .6, .3, .1, -8, 8, .61, 3, 400, 14)));
    CircuitJson.write(
        layout.circuitsFolder().resolve(ResultLayout.circuitFile("tiny", "hate", "_toxic")),
        new Circuit(List.of(new Circuit.ScoredNode(new LatentNode(AT, 7), -2, 2)), List.of()),
        Json.mapper().createObjectNode());
  }

  void transferred() {
    TransferMatrix raw =
        new TransferMatrix(new int[] {1, 1}, new double[2][2][0], new double[0][][], new double[0][][][]);
    DecisionProfile decision =
        new DecisionProfile(
            new double[2][0], new double[2][0], new double[] {1, 1}, new Resampled(1, .9, 1.1, 100),
            new Resampled(1, .9, 1.1, 100));
    Share gone = new Share(0, 0, .49, 4);
    Share kept = new Share(1, .51, 1, 4);
    BehaviourTransfer seen =
        new BehaviourTransfer(
            new boolean[2][2][4], new boolean[1][2][4], new Share[][] {{gone, kept}, {kept, gone}}, gone, kept, kept,
            new double[][] {{1, 0}, {0, 1}}, new Resampled(1, 1, 1, 100), new Resampled(0, 0, 0, 100),
            new Resampled(.97, .9, 1, 100), null);
    Map<String, TransferMatrix> forms = new LinkedHashMap<>();
    forms.put("effect", raw);
    forms.put("difference_of_means", raw);
    TransferFile.of(
            "tiny", List.of("hate", "self_harm"), 42, 100, "reproducible", "own", Map.of(),
            new Refusals(20, new long[2][4], new boolean[2][4], new Share[] {kept, kept}),
            Map.of(AT.name(), new TransferFile.AtPoint(decision, forms, Map.of("effect", seen))))
        .write(layout.transfer("tiny"));
  }

  void judged(StatsFile stats) {
    stats.write(layout.stats("tiny"));
  }

  void everything() throws IOException {
    collected();
    attributed();
    transferred();
    judged(VerdictExamples.mixed());
    SimilarityFile.nothing("tiny", "analysis.compare_categories is false").write(layout.similarity("tiny"));
    Files.writeString(
        model.resolve("truth.json"),
        """
        {"verdict": "MIXED", "category_clusters": [["violence", "self-harm"], ["hate", "privacy"], ["fraud"]], "first_shared_layer": null,
         "leak": 0.0}""");
  }

  /** Every source of every section: also autoencoders, metrics of evaluate, and what the original project left. */
  void everySource() throws IOException {
    everything();
    Json.write(
        ResultLayout.saeMetrics(layout.sae("tiny", AT)),
        Map.of(
            "variant", "topk", "train", Map.of("fvu", .031, "l0", 8, "dead_share", .02),
            "held_out", Map.of("fvu", .036, "explained_variance", .964, "cosine", .98),
            "in_model", Map.of("ce_score", .99, "kl", .001), "sinks", Map.of("count", 3, "tokens", 400),
            "warnings", List.of("few tokens")));
    new CategoryMetrics(
            "refusal-evaluation", 1, "tiny", "hate", "paired", "keep", 42, 100, "nats", List.of(AT.name()),
            new RefusalGap(new long[] {3}, new double[] {4}, new double[] {-3}),
            new FaithfulnessCurve(
                new double[] {4}, new double[] {4}, "nothing to explain", List.of(), new Resampled(1, 1, 1, 100), Double.NaN),
            Map.of(), null,
            Map.of("circuit", new SideEffects(
                new double[] {.125}, new double[] {.25}, new double[] {2}, new double[] {1.5})),
            Map.of())
        .write(layout.evaluation("tiny", "hate"));
    Files.createDirectories(layout.root().resolve("original/evaluation"));
    Files.writeString(
        layout.root().resolve("original/evaluation/tiny_self_harm_metrics.json"),
        "{\"thresholds\": [0.125], \"n_nodes\": [9], \"faithfulness\": [0.625], \"completeness\": [0.375]}");
    Json.write(
        layout.evaluation("tiny", "hate").resolveSibling("tiny_hate_legacy.json"),
        Map.of("prompts", 9, "prompts_are", "held out", "F_M", -1.5, "faithfulness", .5, "completeness", 1));
    Json.write(
        layout.stats("tiny").resolveSibling("tiny_toxic_circuits_stats.json"),
        Map.of(
            "n_permutations", 100,
            "stats_by_category", Map.of("hate", Map.of("n_nodes_in_circuit", 9, "observed", .5, "p_value", .25))));
    Json.write(layout.reports().resolve("tiny/modularity_analysis.json"), Map.of("avg_similarity", .625));
  }
}
