package org.refusal.stage;

import org.refusal.activation.CollectedOutputs;
import org.refusal.data.Behaviour;
import org.refusal.text.RefusalDetector;
import org.refusal.text.RefusalVerdict;
import org.refusal.text.Tokenizer;

/** Generated ids as text, and what the detector says of it. */
record AnswerReader(Tokenizer tokenizer, RefusalDetector detector, int maxNewTokens) {

  /** @param reason the rules that decided, with the words they found */
  record Answer(
      long promptIndex, int[] generatedIds, boolean ended, String completion, Behaviour behaviour, String reason) {
    /** The first token of the answer; -1 when it is empty. */
    int first() {
      return generatedIds.length == 0 ? -1 : generatedIds[0];
    }
  }

  Answer read(CollectedOutputs.Output output) {
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
