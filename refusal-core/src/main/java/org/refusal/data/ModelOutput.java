package org.refusal.data;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;

/**
 * What a model did with one prompt: an entry of {@code model_outputs/{model}_{category}_outputs.json}.
 *
 * @param promptIndex number of the prompt within its category, as in the activation files
 * @param source file and record: {@code or-bench-toxic.csv:17}
 * @param promptIds token ids as the model read them, template included
 * @param userFrom first token of the user's text
 * @param userTo one past its last token
 * @param generatedIds greedy continuation, without the end token
 * @param ended whether the model ended its answer within the tokens allowed
 * @param kept whether later stages use the prompt: all, or with {@code data.keep: behaviour_consistent} only toxic prompts
 *     that were refused and others that were answered
 * @param metric m(x) at the last prompt position, nats
 */
@JsonNaming(SnakeCaseStrategy.class)
public record ModelOutput(
    long promptIndex,
    String prompt,
    String source,
    Label label,
    int[] promptIds,
    int userFrom,
    int userTo,
    int[] generatedIds,
    boolean ended,
    String completion,
    Behaviour behaviour,
    double metric,
    Split.Side split,
    boolean kept) {

  /** Whether it is not toxic and was complied with: what partners are chosen from. */
  public boolean answeredSafe() {
    return !label.toxic() && behaviour == Behaviour.COMPLIANCE;
  }

  /** @param category whose file the entry stands in */
  public PromptKey key(String category) {
    return new PromptKey(category, promptIndex);
  }
}
