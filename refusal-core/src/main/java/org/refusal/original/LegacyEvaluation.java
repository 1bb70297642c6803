package org.refusal.original;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import org.refusal.activation.ActivationStore;
import org.refusal.activation.StoredPrompt;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.Circuit.ScoredNode;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.circuit.LatentNode;
import org.refusal.collected.Collected;
import org.refusal.config.EvaluateConfig;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;
import org.refusal.evaluation.LegacyIntervention;
import org.refusal.evaluation.LegacyIntervention.Replaced;
import org.refusal.evaluation.LegacyScores;
import org.refusal.io.Json;
import org.refusal.model.Hook;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.run.ResultLayout;
import org.refusal.run.StageContext;
import org.refusal.run.StageResult;
import org.refusal.subject.Captures;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.RunningModel;
import org.refusal.torch.Memory;

/**
 * {@code evaluation.legacy}: the original project's scores of every category's circuit, all hook points at once. Means are
 * those of the category's stored activations (discovery prompts, safe and toxic). Scored are its held-out toxic prompts,
 * or its discovery ones where nothing was held out, which the file says. Four forward passes per prompt.
 */
public final class LegacyEvaluation {
  private final EvaluateConfig config;
  private final StageContext context;
  private final Collected collected;
  private final RunningModel model;
  private final int[] refusalTokens;

  public LegacyEvaluation(EvaluateConfig config, StageContext context, Collected collected, RunningModel model) {
    this.config = config;
    this.context = context;
    this.collected = collected;
    this.model = model;
    this.refusalTokens = collected.report().refusalTokenIds();
  }

  private Path file(String category) {
    return config.output().place(collected.layout().evaluation(collected.model(), category))
        .resolveSibling("%s_%s_legacy.json".formatted(ResultLayout.fileName(collected.model()), ResultLayout.categoryName(category)));
  }

  public StageResult run() {
    List<Path> written = new ArrayList<>();
    List<String> summary = new ArrayList<>();
    summary.add("evaluation.legacy (the original project's clamped scores of log-probabilities; draw no conclusions):");
    try (ActivationStore store = collected.activations();
        var task = context.progress().task("legacy scores", collected.categories().size())) {
      for (String category : collected.categories()) {
        Optional<Path> circuit = collected.circuit(config.output().circuitsDir(), category);
        List<PromptTokens> prompts = prompts(category, Split.Side.HELDOUT);
        boolean heldOut = !prompts.isEmpty();
        if (!heldOut) {
          prompts = prompts(category, Split.Side.DISCOVERY);
        }
        if (circuit.isEmpty() || prompts.isEmpty()) {
          summary.add("%-14s legacy: %s".formatted(category, circuit.isEmpty() ? "no circuit" : "no toxic prompt"));
          continue;
        }
        LegacyScores scores = scores(store, category, CircuitJson.read(circuit.get()).circuit(), prompts);
        write(category, circuit.get(), prompts.size(), heldOut, scores);
        written.add(file(category));
        summary.add(
            "%-14s legacy: faithfulness %.3f, completeness %.3f"
                .formatted(category, scores.faithfulness(), scores.completeness()));
        task.advance(1);
      }
    }
    return new StageResult(written, summary);
  }

  private List<PromptTokens> prompts(String category, Split.Side side) {
    List<PromptTokens> toxic =
        collected.outputs(category).stream()
            .filter(output -> output.split() == side && output.label().toxic())
            .map(output -> RunningModel.tokens(category, output, false))
            .toList();
    return RunningModel.atMost(
        toxic, config.evaluation().maxPromptsPerCategory(), config.seed(), "legacy prompts");
  }

  private LegacyScores scores(ActivationStore store, String category, Circuit circuit, List<PromptTokens> prompts) {
    Map<Replaced, Hooks> hooks = new EnumMap<>(Replaced.class);
    for (Replaced which : Replaced.values()) {
      Map<HookPoint, Hook> byPoint = new TreeMap<>();
      model.saes().forEach(
          (at, sae) -> byPoint.put(
              at, new LegacyIntervention(sae, mean(store, category, at), latents(circuit, at), which)));
      hooks.put(which, new Hooks(byPoint));
    }
    return new LegacyScores(
        score(prompts, Hooks.none()),
        score(prompts, hooks.get(Replaced.COMPLEMENT)),
        score(prompts, hooks.get(Replaced.CIRCUIT)),
        score(prompts, hooks.get(Replaced.ALL)));
  }

  private static TreeSet<Integer> latents(Circuit circuit, HookPoint at) {
    TreeSet<Integer> latents = new TreeSet<>();
    for (ScoredNode scored : circuit.nodes()) {
      if (scored.node() instanceof LatentNode latent && latent.at().equals(at)) {
        latents.add(latent.latent());
      }
    }
    return latents;
  }

  private float[] mean(ActivationStore store, String category, HookPoint at) {
    List<StoredPrompt> prompts =
        collected.outputs(category).stream()
            .filter(output -> output.split() == Split.Side.DISCOVERY)
            .map(ModelOutput::promptIndex)
            .flatMap(index -> store.find(category, index).stream())
            .toList();
    Iterable<float[]> blocks = () -> prompts.stream().map(prompt -> store.rows(prompt, at)).iterator();
    return LegacyIntervention.mean(blocks, store.dModel());
  }

  /** Mean log of the summed probability of the refusal tokens, nats. */
  private double score(List<PromptTokens> prompts, Hooks hooks) {
    List<PromptTokens> sorted = prompts.stream().sorted(Comparator.comparingInt(PromptTokens::length)).toList();
    double sum = 0;
    int size = config.evaluation().batchSize();
    for (int from = 0; from < sorted.size(); from += size) {
      List<PromptTokens> batch = sorted.subList(from, Math.min(sorted.size(), from + size));
      try (Memory.Scope scope = Memory.scope()) {
        NDArray logits =
            model.lm().forward(Captures.batch(batch, model.padId()), hooks, LogitsAt.LAST); // [batch, vocab]
        for (double score : LegacyScores.refusalScores(logits, refusalTokens)) {
          sum += score;
        }
      }
    }
    return sum / sorted.size();
  }

  private void write(String category, Path circuit, int prompts, boolean heldOut, LegacyScores scores) {
    ObjectNode json = Json.mapper().createObjectNode();
    json.put("definition", "legacy");
    json.put("remark", "clamped scores of log-probabilities; for comparison with earlier results only");
    json.put("model", collected.model());
    json.put("category", category);
    json.put("circuit", circuit.getFileName().toString());
    json.put("prompts", prompts);
    json.put("prompts_are", heldOut ? "held-out toxic" : "discovery toxic (nothing was held out)");
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("F_M", scores.model());
    values.put("F_C", scores.circuit());
    values.put("F_M_minus_C", scores.complement());
    values.put("F_empty", scores.empty());
    values.put("faithfulness", scores.faithfulness());
    values.put("completeness", scores.completeness());
    values.forEach((key, value) -> {
      if (Double.isFinite(value)) {
        json.put(key, value);
      } else {
        json.put(key, Double.toString(value));
      }
    });
    Json.write(file(category), json);
  }
}
