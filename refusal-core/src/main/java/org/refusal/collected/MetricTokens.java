package org.refusal.collected;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.refusal.behaviour.RefusalTokens;
import org.refusal.config.CollectConfig;
import org.refusal.text.Tokenizer;

/**
 * The set R of the metric (docs/definitions.md): token ids with which this model's refusals begin.
 *
 * @param calibrated whether R was found on answers; false when the config gave it
 */
public record MetricTokens(List<CollectReport.RefusalToken> tokens, boolean calibrated) {
  /**
   * @param discovery answers to discovery prompts; held-out ones have no say
   * @return empty when nothing was refused; when no token stands out, the commonest first token of refused answers (what
   *     the metric is worth then is said by its AUC)
   */
  public static MetricTokens of(CollectConfig config, Tokenizer tokenizer, List<AnswerReader.Answer> discovery) {
    List<String> given = config.inference().refusalTokens();
    if (!given.isEmpty()) {
      return new MetricTokens(
          Arrays.stream(RefusalTokens.ids(given, tokenizer))
              .mapToObj(id -> new CollectReport.RefusalToken(id, tokenizer.piece(id)))
              .toList(),
          false);
    }
    int[] first = discovery.stream().mapToInt(AnswerReader.Answer::first).toArray();
    boolean[] refused = new boolean[first.length];
    for (int i = 0; i < refused.length; i++) {
      refused[i] = discovery.get(i).behaviour().refused();
    }
    List<RefusalTokens.Candidate> candidates = RefusalTokens.candidates(first, refused);
    List<RefusalTokens.Candidate> chosen = candidates.stream().filter(RefusalTokens.Candidate::chosen).toList();
    if (chosen.isEmpty() && !candidates.isEmpty()) {
      chosen = List.of(candidates.get(0));
    }
    return new MetricTokens(
        chosen.stream()
            .sorted(Comparator.comparingInt(RefusalTokens.Candidate::token))
            .map(each -> new CollectReport.RefusalToken(each.token(), tokenizer.piece(each.token())))
            .toList(),
        true);
  }

  /** m(x), in float64; NaN when R is empty, since nothing was refused. */
  public double metric(float[] logits) {
    if (tokens.isEmpty()) {
      return Double.NaN;
    }
    boolean[] inside = new boolean[logits.length];
    tokens.forEach(token -> inside[token.id()] = true);
    return logSumExp(logits, inside, true) - logSumExp(logits, inside, false);
  }

  private static double logSumExp(float[] logits, boolean[] inside, boolean wanted) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < logits.length; i++) {
      if (inside[i] == wanted) {
        largest = Math.max(largest, logits[i]);
      }
    }
    double sum = 0;
    for (int i = 0; i < logits.length; i++) {
      if (inside[i] == wanted) {
        sum += Math.exp(logits[i] - largest);
      }
    }
    return largest + Math.log(sum);
  }
}
