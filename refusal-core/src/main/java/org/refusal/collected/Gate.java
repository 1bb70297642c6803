package org.refusal.collected;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.refusal.data.ModelOutput;
import org.refusal.data.Split;

/** Whether what was collected suffices to attribute and evaluate anything. */
public final class Gate {
  private Gate() {}

  /**
   * Why nothing can be attributed or evaluated, if so: the later stages then say INCONCLUSIVE for this reason.
   *
   * @param categories to be studied
   * @param all categories that were collected: where partners come from
   * @param outputs of a category, as the stages after collect use them
   * @param force goes on with a metric that does not tell refusals from answers
   */
  public static Optional<String> closed(
      List<String> categories, List<String> all, Function<String, List<ModelOutput>> outputs, CollectReport report,
      boolean force) {
    if (report.refusalTokens().isEmpty()) {
      return Optional.of("the model refused none of the discovery prompts");
    }
    List<String> without =
        categories.stream()
            .filter(category -> outputs.apply(category).stream()
                .noneMatch(output -> output.split() == Split.Side.DISCOVERY && output.label().toxic()))
            .toList();
    if (!without.isEmpty()) {
      return Optional.of(
          "no toxic discovery prompt is left in %s (data.keep: behaviour_consistent keeps those that the model refused)"
              .formatted(String.join(", ", without)));
    }
    long partners =
        all.stream()
            .flatMap(category -> outputs.apply(category).stream())
            .filter(output -> output.split() == Split.Side.DISCOVERY && output.answeredSafe())
            .count();
    if (partners < 2) {
      return Optional.of("the model answered fewer than 2 safe discovery prompts, so that there are no partners");
    }
    CollectReport.Separation separation = report.separation();
    if (!separation.judged() && !force) {
      return Optional.of(
          "the metric m cannot be judged, since %s (discovery.force: true goes on all the same)"
              .formatted(separation.unknown()));
    }
    if (separation.auc() < MetricSeparation.LEAST_AUC && !force) {
      return Optional.of(
          "the metric m does not separate refused from answered held-out prompts (AUC %.3f, below .6; discovery.force: true goes on all the same)"
              .formatted(separation.auc()));
    }
    return Optional.empty();
  }
}
