package org.refusal.verdict;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import java.util.Map;
import org.refusal.config.TransferForm;
import org.refusal.stats.Estimate;
import org.refusal.stats.TransferStatistics;
import org.refusal.verdict.SharingEvidence.ReadoutSummary;

/**
 * All statistics at one hook point.
 *
 * @param decided drop in units of Delta when only the post-instruction positions are set to the partner's values, mean
 *     over categories
 * @param readout what the categories are read by, or null
 * @param effect statistics of the vectors y_p, or null
 * @param latents statistics of the prompt-side attributions, or null
 * @param completeness sum of indirect effects / effect of setting everything to the baseline
 * @param promptShare the prompt side's share of the refusal gap
 * @param transfer by form key
 * @param cause how the causes relate
 * @param causeReason why, in one sentence
 * @param possible answers that the evidence at this hook point leaves open
 * @param representation {@code shared}, {@code split} or {@code undecided}: the same question asked of the latents
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record HookPointMeasures(
    String hookPoint,
    Estimate decided,
    ReadoutSummary readout,
    VectorStatistics effect,
    VectorStatistics latents,
    Estimate completeness,
    Estimate promptShare,
    Map<String, TransferStatistics> transfer,
    Cause cause,
    String causeReason,
    List<Answer> possible,
    String representation) {

  TransferStatistics transfer(TransferForm form) {
    return transfer.get(form.key());
  }
}
