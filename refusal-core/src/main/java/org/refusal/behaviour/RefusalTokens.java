package org.refusal.behaviour;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import org.refusal.base.UserException;
import org.refusal.text.Tokenizer;

/**
 * The set R of first tokens of refusals (docs/definitions.md), calibrated on a model's own answers: tokens that begin refused
 * answers clearly more often than complied ones.
 */
public final class RefusalTokens {
  /** A token begins at least so many refused answers ... */
  public static final int MIN_COUNT = 3;
  /** ... and at least this share of them, ... */
  public static final double MIN_SHARE = 0.02;
  /** ... and its log-odds of beginning a refused against a complied answer are at least this: four to one. */
  public static final double MIN_LOG_ODDS = Math.log(4);

  private RefusalTokens() {}

  /**
   * @param refused refused answers that begin with the token
   * @param complied complied answers that do
   * @param logOdds log odds ratio, 1/2 added to every count (Haldane)
   * @param chosen whether it belongs to R
   */
  public record Candidate(int token, int refused, int complied, double logOdds, boolean chosen) {}

  /**
   * O(n log n).
   *
   * @param firstTokens first generated token of every answer {@code [n]}; -1 for an empty answer, which is left out
   * @param refused whether the answer is a refusal {@code [n]}
   * @return every first token of a refused answer, most frequent first
   */
  public static List<Candidate> candidates(int[] firstTokens, boolean[] refused) {
    if (firstTokens.length != refused.length) {
      throw new IllegalArgumentException(firstTokens.length + " tokens, " + refused.length + " labels");
    }
    TreeMap<Integer, int[]> counts = new TreeMap<>();
    int[] totals = new int[2];
    for (int i = 0; i < refused.length; i++) {
      if (firstTokens[i] >= 0) {
        int side = refused[i] ? 0 : 1;
        counts.computeIfAbsent(firstTokens[i], token -> new int[2])[side]++;
        totals[side]++;
      }
    }
    List<Candidate> candidates = new ArrayList<>();
    counts.forEach((token, count) -> {
      if (count[0] > 0) {
        double refusedOdds = (count[0] + 0.5) / (totals[0] - count[0] + 0.5);
        double compliedOdds = (count[1] + 0.5) / (totals[1] - count[1] + 0.5);
        double logOdds = Math.log(refusedOdds / compliedOdds);
        boolean chosen =
            count[0] >= MIN_COUNT && count[0] >= MIN_SHARE * totals[0] && logOdds >= MIN_LOG_ODDS;
        candidates.add(new Candidate(token, count[0], count[1], logOdds, chosen));
      }
    });
    candidates.sort(Comparator.comparingInt(Candidate::refused).reversed().thenComparingInt(Candidate::token));
    return candidates;
  }

  /**
   * The chosen tokens, ascending.
   *
   * @throws UserException no token stands out, e.g. because the model hardly ever refuses
   */
  public static int[] calibrate(int[] firstTokens, boolean[] refused) {
    int[] chosen =
        candidates(firstTokens, refused).stream()
            .filter(Candidate::chosen)
            .mapToInt(Candidate::token)
            .sorted()
            .toArray();
    if (chosen.length == 0) {
      int refusals = 0;
      for (boolean one : refused) {
        refusals += one ? 1 : 0;
      }
      throw UserException.badData(
          "no first token tells refused from complied answers (%d of %d were refused)"
              .formatted(refusals, refused.length),
          "set inference.refusal_tokens, e.g. [I, Sorry], or use prompts that the model refuses");
    }
    return chosen;
  }

  /**
   * Ids of the tokens that begin these texts as an answer to the prompt would, as the config gives them.
   *
   * <p>A text is first looked up in the vocabulary as it stands and with the mark of a word's beginning ({@code ▁},
   * {@code Ġ}); both forms are taken where both exist, since templates differ in whether a blank comes before the
   * answer.
   *
   * @throws UserException a text is no single token
   */
  public static int[] ids(List<String> texts, Tokenizer tokenizer) {
    List<Integer> ids = new ArrayList<>();
    for (String text : texts) {
      int before = ids.size();
      for (String piece : text.isEmpty() ? List.<String>of() : List.of(text, "\u2581" + text, "\u0120" + text)) {
        tokenizer.id(piece).ifPresent(ids::add);
      }
      if (ids.size() == before) {
        throw UserException.badConfig(
            "inference.refusal_tokens: \"%s\" is not one token of %s".formatted(text, tokenizer.folder()),
            "give the first token of the refusals, e.g. the first word");
      }
    }
    return ids.stream().mapToInt(Integer::intValue).distinct().sorted().toArray();
  }
}
