package org.refusal.evaluation;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.refusal.attribution.AttributionStore;
import org.refusal.attribution.PartnerChoice;
import org.refusal.config.EvaluateConfig;
import org.refusal.data.ModelOutput;
import org.refusal.data.PromptKey;
import org.refusal.data.Split;
import org.refusal.run.ResultLayout;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;
import org.refusal.subject.PromptChoice;
import org.refusal.subject.Subject;

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
    Subject subject,
    Partners partners,
    PatchedRuns runs,
    PatchedRuns curveRuns,
    Map<String, List<ModelOutput>> outputs,
    Map<String, List<PromptTokens>> heldout,
    Map<String, List<PromptTokens>> discovery,
    Map<String, RefusalGap> gaps,
    List<String> lacking) {

  public static EvaluationBasis of(EvaluateConfig config, Subject subject) {
    Partners partners = PartnerChoice.ofDiscover(subject, config.seed());
    EvaluationBasis basis =
        new EvaluationBasis(
            config, subject, partners, runs("paired", config, subject, partners),
            runs(config.evaluation().baseline(), config, subject, partners),
            new LinkedHashMap<>(), new LinkedHashMap<>(), new LinkedHashMap<>(), new LinkedHashMap<>(),
            new ArrayList<>());
    basis.choosePrompts();
    basis.heldout.forEach(
        (category, prompts) -> basis.gaps.put(category, RefusalGap.measure(basis.runs, prompts, partners)));
    return basis;
  }

  private static PatchedRuns runs(String baseline, EvaluateConfig config, Subject subject, Partners partners) {
    int batchSize = config.evaluation().batchSize();
    return new PatchedRuns(subject.studied(baseline, partners, batchSize), batchSize);
  }

  ResultLayout layout() {
    return subject.layout();
  }

  public List<String> categories() {
    return List.copyOf(heldout.keySet());
  }

  private void choosePrompts() {
    for (String category : subject.categories()) {
      List<ModelOutput> all = subject.outputs(category);
      outputs.put(category, all);
      List<PromptTokens> held =
          PromptChoice.atMost(
              PromptChoice.distinct(refused(category, all, Split.Side.HELDOUT)),
              config.evaluation().maxPromptsPerCategory(), config.seed(), "held-out prompts");
      List<PromptTokens> known = attributed(category, PromptChoice.distinct(refused(category, all, Split.Side.DISCOVERY)));
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
        .map(output -> PromptTokens.of(category, output, false))
        .toList();
  }

  private List<PromptTokens> attributed(String category, List<PromptTokens> prompts) {
    try (AttributionStore store = AttributionStore.open(layout().attributions(subject.model(), category), category)) {
      Set<PromptKey> attributed = Set.copyOf(store.prompts());
      return prompts.stream().filter(prompt -> attributed.contains(prompt.key())).toList();
    }
  }

  /** Rows of the store that are the category's discovery prompts. */
  int[] rows(AttributionStore store, String category) {
    return PromptKey.rows(
        store.prompts(), discovery.get(category).stream().map(PromptTokens::key).collect(Collectors.toSet()));
  }
}
