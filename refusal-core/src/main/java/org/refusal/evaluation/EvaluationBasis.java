package org.refusal.evaluation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.refusal.attribution.AttributionStore;
import org.refusal.attribution.PartnerChoice;
import org.refusal.collected.Collected;
import org.refusal.config.EvaluateConfig;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;
import org.refusal.run.ResultLayout;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.RunningModel;
import org.refusal.subject.StudiedModel;

/**
 * What every part of an evaluation works on: the model, its prompts and their partners. Categories without enough refused
 * prompts are in none of the maps.
 *
 * @param partners of the same source as in discover
 * @param runs in which what is replaced gets the partners' values: transfer, decision and gaps
 * @param curveRuns in which it is set to {@code evaluation.baseline}: circuits and their faithfulness
 * @param outputs all kept prompts of every category that was collected
 * @param heldout refused toxic held-out prompts, to measure on
 * @param discovery refused toxic discovery prompts that were attributed, to make parts of
 * @param gaps refusal gap of {@code heldout}
 * @param lacking why categories were left out, a line each
 */
public record EvaluationBasis(
    EvaluateConfig config,
    Collected collected,
    RunningModel model,
    Partners partners,
    PatchedRuns runs,
    PatchedRuns curveRuns,
    Map<String, List<ModelOutput>> outputs,
    Map<String, List<PromptTokens>> heldout,
    Map<String, List<PromptTokens>> discovery,
    Map<String, RefusalGap> gaps,
    List<String> lacking) {

  public static EvaluationBasis of(EvaluateConfig config, Collected collected, RunningModel model) {
    Partners partners = PartnerChoice.ofDiscover(collected, config.seed());
    EvaluationBasis basis =
        new EvaluationBasis(
            config, collected, model, partners, runs("paired", config, model, partners),
            runs(config.evaluation().baseline(), config, model, partners),
            new LinkedHashMap<>(), new LinkedHashMap<>(), new LinkedHashMap<>(), new LinkedHashMap<>(),
            new ArrayList<>());
    basis.choosePrompts();
    basis.heldout.forEach(
        (category, prompts) -> basis.gaps.put(category, RefusalGap.measure(basis.runs, prompts, partners)));
    return basis;
  }

  private static PatchedRuns runs(String baseline, EvaluateConfig config, RunningModel model, Partners partners) {
    int batchSize = config.evaluation().batchSize();
    StudiedModel evaluated =
        new StudiedModel(
            model.lm(), model.metric(), model.padId(), model.saes(), model.baseline(baseline, partners, batchSize),
            model.thresholds());
    return new PatchedRuns(evaluated, batchSize);
  }

  ResultLayout layout() {
    return collected.layout();
  }

  public List<String> categories() {
    return List.copyOf(heldout.keySet());
  }

  private void choosePrompts() {
    for (String category : collected.categories()) {
      List<ModelOutput> all = collected.outputs(category);
      outputs.put(category, all);
      List<PromptTokens> held =
          RunningModel.atMost(
              RunningModel.distinct(refused(category, all, Split.Side.HELDOUT)),
              config.evaluation().maxPromptsPerCategory(), config.seed(), "held-out prompts");
      List<PromptTokens> known = attributed(category, RunningModel.distinct(refused(category, all, Split.Side.DISCOVERY)));
      if (held.isEmpty() || known.size() < 2) {
        lacking.add(
            "category %s is not evaluated: %d refused held-out and %d refused discovery prompts"
                .formatted(category, held.size(), known.size()));
        continue;
      }
      heldout.put(category, held);
      discovery.put(category, known);
    }
  }

  private static List<PromptTokens> refused(String category, List<ModelOutput> all, Split.Side side) {
    return all.stream()
        .filter(output -> output.split() == side && output.label().toxic() && output.behaviour().refused())
        .map(output -> RunningModel.tokens(category, output, false))
        .toList();
  }

  private List<PromptTokens> attributed(String category, List<PromptTokens> prompts) {
    try (AttributionStore store = AttributionStore.open(layout().attributions(collected.model(), category))) {
      Set<Long> indices = Arrays.stream(store.promptIndex()).boxed().collect(Collectors.toSet());
      return prompts.stream().filter(prompt -> indices.contains(prompt.index())).toList();
    }
  }

  /** Rows of the store that are the category's discovery prompts. */
  int[] rows(AttributionStore store, String category) {
    Set<Long> wanted = discovery.get(category).stream().map(PromptTokens::index).collect(Collectors.toSet());
    long[] indices = store.promptIndex();
    return IntStream.range(0, indices.length).filter(row -> wanted.contains(indices[row])).toArray();
  }
}
