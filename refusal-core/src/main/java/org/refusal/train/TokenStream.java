package org.refusal.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.refusal.base.Seeds;
import org.refusal.base.UserException;

/**
 * Which token is trained on when: an endless sequence over epochs, each of which depends on the seed alone. An epoch has
 * as many draws as there are tokens. Without balance and weights it is a random order of all tokens; with them, a stratum
 * (side and category) is drawn by its share, and its tokens in random order, again and again.
 *
 * <p>Up to {@link #GROUP} tokens, all orders are alike probable. More are dealt out by whole prompts, in random order, to
 * groups of that many tokens, and each group is put in random order; so whoever reads some of the sequence needs the
 * prompts of few groups and not of the whole data.
 *
 * <p>Rows are numbered through the training prompts in their order. Memory: four bytes per token and epoch in use.
 */
final class TokenStream {
  static final int GROUP = 1 << 19;

  /** @param prompts the rows of each prompt */
  private record Stratum(List<int[]> prompts, double share) {
    int[] rows() {
      return concat(prompts);
    }

    /** Puts the rows in a new order, in groups of so many. */
    void shuffle(int[] rows, int group, SplittableRandom random) {
      if (rows.length <= group) {
        Seeds.shuffle(rows, random);
        return;
      }
      int[] places = Seeds.permutation(prompts.size(), random);
      int next = 0;
      for (int place : places) {
        int[] ofPrompt = prompts.get(place);
        System.arraycopy(ofPrompt, 0, rows, next, ofPrompt.length);
        next += ofPrompt.length;
      }
      for (int from = 0; from < rows.length; from += group) {
        int[] part = Arrays.copyOfRange(rows, from, Math.min(rows.length, from + group));
        Seeds.shuffle(part, random);
        System.arraycopy(part, 0, rows, from, part.length);
      }
    }
  }

  private final List<Stratum> strata = new ArrayList<>();
  private final int epochLength;
  private final long seed;
  private final Map<Long, int[]> epochs = new TreeMap<>();

  /**
   * @param eligible rows per training prompt that may be drawn, numbered through
   */
  TokenStream(SaeData data, List<int[]> eligible, SaeOptions options) {
    seed = Seeds.derive(options.seed(), "token stream");
    List<int[]> kept = atMost(eligible, options.maxSamples(), seed);
    epochLength = kept.stream().mapToInt(rows -> rows.length).sum();
    if (!options.balanceSafeToxic() && !options.useCategoryWeights()) {
      strata.add(new Stratum(kept, 1));
      return;
    }
    for (boolean toxic : new boolean[] {false, true}) {
      Map<String, List<int[]>> byCategory = new TreeMap<>();
      for (int i = 0; i < kept.size(); i++) {
        TrainingPrompt prompt = data.train().get(i);
        if (prompt.toxic() == toxic && kept.get(i).length > 0) {
          byCategory.computeIfAbsent(prompt.stored().category(), name -> new ArrayList<>()).add(kept.get(i));
        }
      }
      addSide(byCategory, toxic, data, options);
    }
  }

  private void addSide(Map<String, List<int[]>> byCategory, boolean toxic, SaeData data, SaeOptions options) {
    if (byCategory.isEmpty()) {
      if (options.balanceSafeToxic()) {
        throw UserException.badData(
            "training.balance_safe_toxic: there is no %s token to train on".formatted(toxic ? "toxic" : "safe"),
            "set training.balance_safe_toxic to false, or collect both sides");
      }
      return;
    }
    Map<String, Double> weights = new TreeMap<>();
    double sum = 0;
    double tokens = 0;
    for (Map.Entry<String, List<int[]>> entry : byCategory.entrySet()) {
      double size = entry.getValue().stream().mapToInt(rows -> rows.length).sum();
      double weight = size;
      if (options.useCategoryWeights()) {
        Double given = data.categoryWeights().get(entry.getKey());
        if (given == null || !(given > 0)) {
          throw UserException.badData(
              "category_weights.json: no positive weight for category '%s'".formatted(entry.getKey()),
              "run collect again, or set training.use_category_weights to false");
        }
        weight = given;
      }
      weights.put(entry.getKey(), weight);
      sum += weight;
      tokens += size;
    }
    double side = options.balanceSafeToxic() ? .5 : tokens / epochLength;
    for (Map.Entry<String, List<int[]>> entry : byCategory.entrySet()) {
      strata.add(new Stratum(entry.getValue(), side * weights.get(entry.getKey()) / sum));
    }
  }

  private static List<int[]> atMost(List<int[]> eligible, long most, long seed) {
    int[] all = concat(eligible);
    if (most == 0 || most >= all.length) {
      return eligible;
    }
    Seeds.shuffle(all, Seeds.random(seed, "max_samples"));
    int[] chosen = Arrays.copyOf(all, (int) most);
    Arrays.sort(chosen);
    return eligible.stream()
        .map(rows -> Arrays.stream(rows).filter(row -> Arrays.binarySearch(chosen, row) >= 0).toArray())
        .toList();
  }

  private static int[] concat(List<int[]> parts) {
    return parts.stream().flatMapToInt(Arrays::stream).toArray();
  }

  /** Tokens of one epoch. */
  int epochLength() {
    return epochLength;
  }

  /** Entries {@code from .. from + count - 1} of the sequence. */
  int[] rows(long from, int count) {
    int[] rows = new int[count];
    int next = 0;
    while (next < count) {
      long at = from + next;
      int[] epoch = epochs.computeIfAbsent(at / epochLength, this::order);
      int offset = (int) (at % epochLength);
      int part = Math.min(count - next, epochLength - offset);
      System.arraycopy(epoch, offset, rows, next, part);
      next += part;
    }
    long current = from / epochLength;
    epochs.keySet().removeIf(epoch -> epoch < current);
    return rows;
  }

  private int[] order(long epoch) {
    SplittableRandom random = Seeds.random(seed, "epoch", Long.toString(epoch));
    double[] bounds = new double[strata.size()];
    double sum = 0;
    for (int s = 0; s < bounds.length; s++) {
      sum += strata.get(s).share();
      bounds[s] = sum;
    }
    List<int[]> shuffled = new ArrayList<>();
    for (Stratum stratum : strata) {
      int[] rows = stratum.rows();
      stratum.shuffle(rows, group(stratum, sum), random);
      shuffled.add(rows);
    }
    if (bounds.length == 1) {
      return repeated(shuffled.get(0));
    }
    int[] used = new int[bounds.length];
    int[] order = new int[epochLength];
    for (int i = 0; i < epochLength; i++) {
      double draw = random.nextDouble() * sum;
      int s = 0;
      while (s < bounds.length - 1 && draw >= bounds[s]) {
        s++;
      }
      int[] rows = shuffled.get(s);
      order[i] = rows[used[s]++];
      if (used[s] == rows.length) {
        strata.get(s).shuffle(rows, group(strata.get(s), sum), random);
        used[s] = 0;
      }
    }
    return order;
  }

  /** A stratum's part of a group is its part of the draws. */
  private int group(Stratum stratum, double sum) {
    return epochLength <= GROUP ? GROUP : (int) Math.max(1, Math.round(GROUP * stratum.share() / sum));
  }

  private int[] repeated(int[] rows) {
    int[] order = new int[epochLength];
    for (int i = 0; i < epochLength; i++) {
      order[i] = rows[i % rows.length];
    }
    return order;
  }
}
