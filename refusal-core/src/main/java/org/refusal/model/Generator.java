package org.refusal.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.refusal.base.UserException;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * Greedy generation: the likeliest token each time, the lowest id among equals. Where the checkpoint's generation_config.json
 * has a {@code repetition_penalty} p, the logits of all tokens that stand in the row so far, its prompt included, are divided
 * by p where they are positive and multiplied by p where they are negative, as transformers does (Keskar et al. 2019, arXiv
 * 1909.05858, section 4.1); padding counts as no token.
 */
public final class Generator {
  private final CausalLm lm;
  private final Set<Integer> endTokens;
  private final float penalty;

  /** Stops a row at the model's own end tokens. */
  public Generator(CausalLm lm) {
    this(lm, lm.config().endTokens());
  }

  /** @param endTokens ids that end a row; none: every row gets all new tokens */
  public Generator(CausalLm lm, Collection<Integer> endTokens) {
    this.lm = lm;
    this.endTokens = Set.copyOf(endTokens);
    this.penalty = (float) lm.config().repetitionPenalty();
  }

  /** Hooks act at every position, those of new tokens included. */
  public Generation generate(TokenBatch batch, int newTokens, Hooks hooks) {
    try (Memory.Scope scope = Memory.scope()) {
      CausalLm.Prefill prefill = lm.prefill(batch, newTokens, hooks);
      try (KvCache cache = prefill.cache()) {
        return continueFrom(prefill.logits(), cache, newTokens, hooks);
      }
    }
  }

  /**
   * Goes on from a prefill, whose logits and captured activations the caller may have used.
   *
   * @param logits of the first new token {@code [batch, vocab]}
   * @param cache with room for {@code newTokens} more; left open
   * @throws UserException when a logit after a new token of a row that goes on is not finite
   * @param hooks see {@code [batch, 1, d_model]}: call j (from 0) the position of new token j, in every row, ended or
   *     not. What they were given is freed after the step. The last new token of the limit is never run.
   */
  public Generation continueFrom(NDArray logits, KvCache cache, int newTokens, Hooks hooks) {
    int rows = cache.batch().size();
    List<int[]> ids = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      ids.add(new int[newTokens]);
    }
    int[] lengths = new int[rows];
    boolean[] ended = new boolean[rows];
    List<BitSet> seen = penalty == 1 ? List.of() : seen(cache.batch());
    int[] next = newTokens == 0 ? new int[0] : choose(logits, seen);
    for (int step = 0; step < newTokens; step++) {
      boolean all = true;
      for (int row = 0; row < rows; row++) {
        ended[row] |= endTokens.contains(next[row]);
        if (!ended[row]) {
          ids.get(row)[lengths[row]++] = next[row];
          all = false;
        }
      }
      if (all || step == newTokens - 1) {
        break;
      }
      try (Memory.Scope scope = Memory.scope()) {
        NDArray following = lm.step(cache, next, hooks);
        if (!TorchOps.allFinite(following)) {
          requireFinite(following, ended);
        }
        next = choose(following, seen);
      }
    }
    List<int[]> cut = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      cut.add(Arrays.copyOf(ids.get(row), lengths[row]));
    }
    return new Generation(cut, ended);
  }

  /** Rows that have ended are run on and read by nobody. */
  private static void requireFinite(NDArray logits, boolean[] ended) {
    float[] values = TorchOps.cast(logits, DataType.FLOAT32).toFloatArray();
    int vocab = values.length / ended.length;
    for (int i = 0; i < values.length; i++) {
      if (!ended[i / vocab] && !Float.isFinite(values[i])) {
        throw UserException.badData(
            "the logit of token %d after a generated token is %s".formatted(i % vocab, values[i]),
            "use model.torch_dtype: float32 (or bfloat16), which half floats overflow less easily");
      }
    }
  }

  private static List<BitSet> seen(TokenBatch batch) {
    List<BitSet> seen = new ArrayList<>();
    for (int[] row : batch.rows()) {
      BitSet tokens = new BitSet();
      Arrays.stream(row).forEach(tokens::set);
      seen.add(tokens);
    }
    return seen;
  }

  /** @param seen tokens of each row so far, to which the chosen ones are added; empty without a penalty */
  private int[] choose(NDArray logits, List<BitSet> seen) {
    if (seen.isEmpty()) {
      return greedy(logits);
    }
    float[] values = TorchOps.cast(logits, DataType.FLOAT32).toFloatArray(); // [batch, vocab]
    int vocab = values.length / seen.size();
    int[] best = new int[seen.size()];
    for (int row = 0; row < best.length; row++) {
      BitSet tokens = seen.get(row);
      for (int token = tokens.nextSetBit(0); token >= 0; token = tokens.nextSetBit(token + 1)) {
        int at = row * vocab + token;
        values[at] = values[at] < 0 ? values[at] * penalty : values[at] / penalty;
      }
      for (int token = 1; token < vocab; token++) {
        if (values[row * vocab + token] > values[row * vocab + best[row]]) {
          best[row] = token;
        }
      }
      tokens.set(best[row]);
    }
    return best;
  }

  private static int[] greedy(NDArray logits) {
    try (NDArray best = DecoderScript.SCRIPT.tensor("greedy", logits)) {
      return Arrays.stream(best.toLongArray()).mapToInt(Math::toIntExact).toArray();
    }
  }
}
