package org.refusal.evaluation;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import java.util.stream.IntStream;
import org.refusal.subject.Partners;
import org.refusal.subject.PromptTokens;

/**
 * Delta of a category (docs/evaluation.md): mean m of its held-out prompts less mean m of their partners, the unit of every drop.
 *
 * @param promptIndex of the held-out prompts, in the order of all per-prompt numbers of the category
 * @param metric m of each, nats
 * @param partnerMetric m of the partner of each, nats
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record RefusalGap(long[] promptIndex, double[] metric, double[] partnerMetric) {
  public RefusalGap {
    if (metric.length != partnerMetric.length || metric.length != promptIndex.length || metric.length == 0) {
      throw new IllegalArgumentException(
          "%d prompts, %d and %d metrics".formatted(promptIndex.length, metric.length, partnerMetric.length));
    }
  }

  /** Two forward passes per prompt. */
  public static RefusalGap measure(PatchedRuns runs, List<PromptTokens> heldout, Partners partners) {
    return new RefusalGap(
        heldout.stream().mapToLong(PromptTokens::index).toArray(),
        runs.clean(heldout),
        runs.clean(partners.of(heldout)));
  }

  /** m of each prompt less m of its partner, nats. */
  public double[] differences() {
    return IntStream.range(0, metric.length).mapToDouble(p -> metric[p] - partnerMetric[p]).toArray();
  }

  /** Delta, nats. */
  public double delta() {
    return Resampled.mean(metric) - Resampled.mean(partnerMetric);
  }

  double delta(int[] chosen) {
    return Resampled.mean(metric, chosen) - Resampled.mean(partnerMetric, chosen);
  }

  int prompts() {
    return metric.length;
  }
}
