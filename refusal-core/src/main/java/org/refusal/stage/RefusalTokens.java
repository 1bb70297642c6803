package org.refusal.stage;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.refusal.base.UserException;
import org.refusal.config.CollectConfig;
import org.refusal.text.Tokenizer;

/**
 * The set R of the metric (METHODS 4): token ids with which this model's refusals begin.
 *
 * @param calibrated whether R was found on answers; false when the config gave it
 */
record RefusalTokens(List<CollectReport.RefusalToken> tokens, boolean calibrated) {
  /** A token is of R when refusals begin with it at least so many times as often as other answers do. */
  private static final double OVER_REPRESENTED = 3;

  /** Tokens with which fewer refusals begin than this share of them are left to chance. */
  private static final double LEAST_SHARE = 0.02;

  private static final int LEAST_COUNT = 3;

  /**
   * @param discovery answers to discovery prompts; held-out ones have no say
   * @throws UserException the config names none and no answer was refused
   */
  static RefusalTokens of(CollectConfig config, Tokenizer tokenizer, List<AnswerReader.Answer> discovery) {
    List<String> given = config.inference().refusalTokens();
    if (!given.isEmpty()) {
      List<CollectReport.RefusalToken> tokens = new ArrayList<>();
      for (String text : given) {
        int[] ids = tokenizer.encode(text, false);
        if (ids.length == 0) {
          throw UserException.badConfig("inference.refusal_tokens: '" + text + "' is no token of this model");
        }
        tokens.add(new CollectReport.RefusalToken(ids[0], tokenizer.piece(ids[0])));
      }
      return new RefusalTokens(tokens.stream().distinct().toList(), false);
    }
    int[] refused = discovery.stream().filter(a -> a.behaviour().refused()).mapToInt(AnswerReader.Answer::first).toArray();
    int[] complied =
        discovery.stream().filter(a -> !a.behaviour().refused()).mapToInt(AnswerReader.Answer::first).toArray();
    List<CollectReport.RefusalToken> tokens =
        Arrays.stream(calibrate(refused, complied))
            .mapToObj(id -> new CollectReport.RefusalToken(id, tokenizer.piece(id)))
            .toList();
    return new RefusalTokens(tokens, true);
  }

  /**
   * First tokens that are over-represented in refused answers. When the model refuses next to nothing, the first tokens
   * of whatever it refused are taken, so that the metric is defined; what it is worth is said by its AUC.
   *
   * @param refused and {@code complied}: first generated token of each answer, -1 for an empty one
   * @return ids, ascending; empty when nothing was refused
   */
  static int[] calibrate(int[] refused, int[] complied) {
    Map<Integer, Integer> first = counts(refused);
    Map<Integer, Integer> other = counts(complied);
    int[] found =
        first.keySet().stream()
            .filter(id -> first.get(id) >= Math.max(LEAST_COUNT, LEAST_SHARE * refused.length))
            .filter(
                id -> {
                  double share = (first.get(id) + 0.5) / (refused.length + 1);
                  double otherShare = (other.getOrDefault(id, 0) + 0.5) / (complied.length + 1);
                  return share >= OVER_REPRESENTED * otherShare;
                })
            .mapToInt(Integer::intValue)
            .toArray();
    return found.length > 0
        ? found
        : first.keySet().stream()
            .max((a, b) -> Integer.compare(first.get(a), first.get(b)))
            .map(id -> new int[] {id})
            .orElse(new int[0]);
  }

  private static Map<Integer, Integer> counts(int[] tokens) {
    Map<Integer, Integer> counts = new TreeMap<>();
    for (int token : tokens) {
      if (token >= 0) {
        counts.merge(token, 1, Integer::sum);
      }
    }
    return counts;
  }

  /** m(x), in float64; NaN when R is empty, since nothing was refused. */
  double metric(float[] logits) {
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
