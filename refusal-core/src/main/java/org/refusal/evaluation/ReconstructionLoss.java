package org.refusal.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.model.CausalLm;
import org.refusal.model.Hooks;
import org.refusal.model.LogitsAt;
import org.refusal.model.Prefix;
import org.refusal.model.TokenBatch;
import org.refusal.sae.SparseAutoencoder;
import org.refusal.subject.Precision;
import org.refusal.subject.SinkThresholds;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * What the model loses when the activation of one hook point is replaced by its reconstruction (docs/autoencoders.md; Gao et al.
 * 2024, section 4.1). Sinks are left as they are in every run. Means over tokens, nats.
 *
 * @param prompts texts measured
 * @param tokens tokens of them
 * @param crossEntropy mean - log p(next token) of the model as it is
 * @param crossEntropySae with every token's activation replaced by x̂
 * @param crossEntropyZero with every token's activation set to zero
 * @param ceScore (zero - sae) / (zero - model); NaN where zeroing does no harm
 * @param kl mean KL(model || model with x̂) of the next-token distributions
 */
public record ReconstructionLoss(
    @JsonProperty("prompts") int prompts,
    @JsonProperty("tokens") long tokens,
    @JsonProperty("ce_model") double crossEntropy,
    @JsonProperty("ce_sae") double crossEntropySae,
    @JsonProperty("ce_zero") double crossEntropyZero,
    @JsonProperty("ce_score") double ceScore,
    @JsonProperty("kl") double kl) {

  /** Tokens in a batch, padding included. */
  private static final int MOST_TOKENS = 4096;

  /** Positions whose distributions are compared at a time, in float64. */
  private static final int POSITIONS = 64;

  /**
   * At every hook point that has an autoencoder. Cost: one pass over the texts, and per hook point one up to it and two
   * above it; memory for three batches of logits, each of at most {@link #MOST_TOKENS} tokens
   * or one text. When memory runs out, the batch is halved.
   *
   * @param saes in the working dtype of the model
   * @param texts token ids, at least 2 each
   */
  public static Map<HookPoint, ReconstructionLoss> measure(
      CausalLm lm, int padId, Map<HookPoint, SparseAutoencoder> saes, SinkThresholds sinks, List<int[]> texts,
      int batchSize) {
    if (texts.isEmpty() || texts.stream().anyMatch(ids -> ids.length < 2)) {
      throw UserException.badData("cross-entropy needs texts of at least 2 tokens");
    }
    Map<HookPoint, Sums> sums = new TreeMap<>();
    saes.keySet().forEach(at -> sums.put(at, new Sums(texts.size())));
    List<Integer> order =
        IntStream.range(0, texts.size()).boxed().sorted(Comparator.comparingInt(i -> texts.get(i).length)).toList();
    int from = 0;
    while (from < order.size()) {
      int to = from + 1;
      while (to < order.size()
          && to - from < batchSize
          && (to + 1 - from) * (long) texts.get(order.get(to)).length <= MOST_TOKENS) {
        to++;
      }
      fill(lm, padId, saes, sinks, texts, order.subList(from, to), sums);
      from = to;
    }
    Map<HookPoint, ReconstructionLoss> losses = new TreeMap<>();
    sums.forEach((at, sum) -> losses.put(at, sum.result()));
    return losses;
  }

  private static void fill(
      CausalLm lm, int padId, Map<HookPoint, SparseAutoencoder> saes, SinkThresholds sinks, List<int[]> texts,
      List<Integer> chunk, Map<HookPoint, Sums> sums) {
    TokenBatch batch = new TokenBatch(chunk.stream().map(texts::get).toList(), padId);
    try (Memory.Scope scope = Memory.scope()) {
      NDArray clean = lm.forward(batch, Hooks.none(), LogitsAt.ALL); // [batch, pos, vocab]
      for (Map.Entry<HookPoint, SparseAutoencoder> entry : saes.entrySet()) {
        HookPoint at = entry.getKey();
        try (Memory.Scope inner = Memory.scope();
            Prefix prefix = lm.prefix(batch, at, Hooks.none())) {
          NDArray reconstructed =
              lm.suffix(prefix, replaced(prefix, entry.getValue(), sinks, true), Hooks.none(), LogitsAt.ALL);
          NDArray zero =
              lm.suffix(prefix, replaced(prefix, entry.getValue(), sinks, false), Hooks.none(), LogitsAt.ALL);
          for (int row = 0; row < chunk.size(); row++) {
            int[] ids = batch.rows().get(row);
            for (int first = 0; first < ids.length; first += POSITIONS) {
              int end = Math.min(ids.length, first + POSITIONS);
              String block = "%d:%d".formatted(batch.padding(row) + first, batch.padding(row) + end);
              try (Memory.Scope ofBlock = Memory.scope()) {
                sums.get(at)
                    .add(
                        chunk.get(row), Arrays.copyOfRange(ids, first + 1, Math.min(ids.length, end + 1)), end - first,
                        logProbabilities(clean.get(row).get(block)),
                        logProbabilities(reconstructed.get(row).get(block)),
                        logProbabilities(zero.get(row).get(block)));
              }
            }
          }
        }
      }
    } catch (RuntimeException e) {
      sums.values().forEach(sum -> chunk.forEach(sum::clear));
      PatchedRuns.halve(e, chunk, part -> fill(lm, padId, saes, sinks, texts, part, sums));
    }
  }

  /** x̂, or zero, at every token but the sinks {@code [batch, pos, d_model]}. */
  private static NDArray replaced(Prefix prefix, SparseAutoencoder sae, SinkThresholds sinks, boolean reconstruct) {
    NDArray activation = prefix.activation();
    Shape shape = activation.getShape();
    NDArray flat = Precision.toWorking(activation).reshape(shape.get(0) * shape.get(1), shape.get(2));
    boolean[] mask = sinks.mask(prefix.at(), flat);
    float[] isSink = new float[mask.length];
    for (int i = 0; i < mask.length; i++) {
      isSink[i] = mask[i] ? 1 : 0;
    }
    NDArray kept =
        TorchOps.cast(flat.getManager().create(isSink, new Shape(mask.length, 1)), flat.getDataType());
    NDArray result = flat.mul(kept);
    if (reconstruct) {
      result = result.add(sae.decode(sae.encode(flat)).mul(kept.mul(-1).add(1)));
    }
    return TorchOps.castLike(result.reshape(shape), activation);
  }

  private static NDArray logProbabilities(NDArray logits) {
    return TorchOps.cast(logits, DataType.FLOAT64).logSoftmax(-1); // [T, vocab]
  }

  /** Per text, so that the order of batches does not show in the sums. */
  private static final class Sums {
    private final double[] model;
    private final double[] sae;
    private final double[] zero;
    private final double[] kl;
    private final long[] tokens;

    Sums(int texts) {
      model = new double[texts];
      sae = new double[texts];
      zero = new double[texts];
      kl = new double[texts];
      tokens = new long[texts];
    }

    void clear(int text) {
      model[text] = 0;
      sae[text] = 0;
      zero[text] = 0;
      kl[text] = 0;
      tokens[text] = 0;
    }

    /**
     * Some positions of a text.
     *
     * @param next the token after each position; the last of a text has none
     */
    void add(int text, int[] next, int positions, NDArray clean, NDArray reconstructed, NDArray zeroed) {
      tokens[text] += positions;
      kl[text] += clean.exp().mul(clean.sub(reconstructed)).sum().getDouble();
      if (next.length > 0) {
        NDArray index =
            clean.getManager().create(Arrays.stream(next).asLongStream().toArray(), new Shape(next.length, 1));
        model[text] += loss(clean, index);
        sae[text] += loss(reconstructed, index);
        zero[text] += loss(zeroed, index);
      }
    }

    private static double loss(NDArray logProbabilities, NDArray next) {
      return -logProbabilities.get("0:%d".formatted(next.size())).gather(next, 1).sum().getDouble();
    }

    ReconstructionLoss result() {
      long all = 0;
      for (long count : tokens) {
        all += count;
      }
      double predicted = all - tokens.length; // the last token of a text has no next
      double own = sum(model) / predicted;
      double with = sum(sae) / predicted;
      double without = sum(zero) / predicted;
      return new ReconstructionLoss(
          tokens.length, all, own, with, without,
          without > own ? (without - with) / (without - own) : Double.NaN,
          sum(kl) / all);
    }

    private static double sum(double[] values) {
      double sum = 0;
      for (double value : values) {
        sum += value;
      }
      return sum;
    }
  }
}
