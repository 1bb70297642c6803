package org.refusal.collected;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import java.util.Map;
import org.refusal.data.EqualTexts;
import org.refusal.verdict.UnjudgedMetric;

/**
 * What collect found: {@code model_outputs/{model}_collect.json}. Later stages read the refusal tokens here.
 *
 * @param template name of the chat template that was rendered
 * @param refusalTokens the set R of the metric
 * @param calibrated whether R was found on the discovery prompts' answers; false when the config gave it
 * @param separation how well m tells refused from complied held-out prompts
 * @param categories by name: what the model did with each side
 * @param total the same over all categories
 * @param overRefusal refused among all safe and hard prompts, which ought to be answered; null without such prompts
 * @param keep {@code data.keep} of the config: which prompts later stages use, counted as {@code kept}
 * @param overLength prompts that do not fit the model's context, {@code category/index}
 * @param legacy options of the original project that were on, {@code key: value}
 * @param equalTexts prompts that are the same text, among those that were run; null in imported results, which were not split
 * @param defaultRefusal what the model refuses of prompts that ask for nothing; null when none was run
 * @param missing prompts that could not be run, {@code category/index}, with the reason
 */
@JsonNaming(SnakeCaseStrategy.class)
public record CollectReport(
    String model,
    String template,
    List<RefusalToken> refusalTokens,
    boolean calibrated,
    Separation separation,
    Map<String, Sides> categories,
    Sides total,
    Rate overRefusal,
    String keep,
    List<String> overLength,
    Map<String, String> missing,
    long promptTokens,
    long generatedTokens,
    List<String> legacy,
    EqualTexts equalTexts,
    DefaultRefusal defaultRefusal) {

  public CollectReport {
    separation = separation == null ? Separation.NONE : separation;
    legacy = legacy == null ? List.of() : List.copyOf(legacy);
  }

  /** @param piece the token as the tokenizer spells it */
  public record RefusalToken(int id, String piece) {}

  /**
   * AUC of m on held-out prompts ({@link MetricSeparation}) with its 95 % interval; NaN where either side is empty.
   *
   * @param refused held-out prompts that were refused
   * @param complied those that were answered
   */
  public record Separation(double auc, double low, double high, int refused, int complied) {
    static final Separation NONE = new Separation(Double.NaN, Double.NaN, Double.NaN, 0, 0);

    public boolean judged() {
      return !Double.isNaN(auc);
    }

    /** Why it is not judged. */
    public String unknown() {
      return UnjudgedMetric.why(refused, complied);
    }
  }

  /**
   * Refusal by default: of the content-free prompts, how many were refused.
   *
   * @param prompts that were run
   * @param refused full and partial refusals
   * @param rate refused / prompts, with its 95 % Wilson interval
   */
  public record DefaultRefusal(int prompts, int refused, double rate, double low, double high) {}

  /** Prompts of one category; a side without prompts is null. */
  public record Sides(Rate toxic, Rate hard, Rate safe) {}

  /**
   * @param refused full and partial refusals
   * @param rate refused / prompts, with its 95 % Wilson interval
   * @param kept prompts that later stages use
   */
  public record Rate(int prompts, int refused, int partial, double rate, double low, double high, int kept) {}

  public int[] refusalTokenIds() {
    return refusalTokens.stream().mapToInt(RefusalToken::id).toArray();
  }
}
