package org.refusal.collected;

import org.refusal.activation.CollectedOutputs;
import org.refusal.behaviour.RefusalDetector;
import org.refusal.behaviour.RefusalVerdict;
import org.refusal.data.Behaviour;
import org.refusal.text.Tokenizer;

/** Generated ids as text, and what the detector says of it. */
public record AnswerReader(Tokenizer tokenizer, RefusalDetector detector, int maxNewTokens) {

  /** @param reason the rules that decided, with the words they found */
  public record Answer(
      long promptIndex, int[] generatedIds, boolean ended, String completion, Behaviour behaviour, String reason) {
    /** The first token of the answer; -1 when it is empty. */
    int first() {
      return generatedIds.length == 0 ? -1 : generatedIds[0];
    }
  }

  public Answer read(CollectedOutputs.Output output) {
    String completion = tokenizer.decode(output.generatedIds(), true);
    RefusalVerdict verdict = detector.detect(completion);
    return new Answer(
        output.promptIndex(),
        output.generatedIds(),
        output.generatedIds().length < maxNewTokens,
        completion,
        verdict.behaviour(),
        verdict.reason());
  }
}
