package org.refusal.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import org.refusal.circuit.HookPoint;

/**
 * A decoder-only language model. Arrays belong to the innermost {@link org.refusal.torch.Memory.Scope} of the calling
 * thread; weights belong to the model. What a hook was given stays alive until that scope is closed. Without a scope,
 * results and whatever hooks saw live until they are closed.
 *
 * <p>Logits come as float32 (float64 if the model computes in it). A batch that does not fit the model (a token beyond
 * the vocabulary, more tokens than its context) is an IllegalArgumentException naming the row.
 */
public interface CausalLm extends AutoCloseable {

  /**
   * Reads the weights of a checkpoint.
   *
   * @param type FLOAT32, FLOAT64, FLOAT16 or BFLOAT16: what weights are kept and activations computed in
   * @throws org.refusal.base.UserException if a tensor is missing, misshapen, truncated or not finite
   */
  static CausalLm load(CheckpointFolder checkpoint, Device device, DataType type) {
    return DecoderLm.load(checkpoint, device, type);
  }

  /** Bytes of the second copy of its matrices that a model keeps for steps of generation; 0 for none. */
  static long copiedBytes(ModelConfig config, Device device, DataType type) {
    return PackedWeights.worthwhile(config, device, type) ? PackedWeights.bytes(config) : 0;
  }

  ModelConfig config();

  Device device();

  /** What activations are computed in. */
  DataType dataType();

  /** For arrays on the model's device. */
  NDManager manager();

  /** One forward pass. */
  NDArray forward(TokenBatch batch, Hooks hooks, LogitsAt logits);

  /** Runs up to a hook point and stops there; the hooks before it act. */
  Prefix prefix(TokenBatch batch, HookPoint at, Hooks hooks);

  /**
   * The same, and keeps the keys and values of the layers that it runs, so that {@link #prefill(Prefix, NDArray, int,
   * Hooks)} can generate from it any number of times. The caller closes {@link Prefix#below}.
   */
  Prefix prefixToGenerate(TokenBatch batch, HookPoint at, Hooks hooks);

  /**
   * Goes on from a prefix with another activation at its hook point. Only the layers above are run; hooks at later
   * points act.
   *
   * @param activation {@code [batch, pos, d_model]}, from the prefix's first column on; may require a gradient
   */
  NDArray suffix(Prefix prefix, NDArray activation, Hooks hooks, LogitsAt logits);

  /**
   * The same prefix without its first columns, for runs that change nothing there: keys and values of these columns are
   * computed once, and {@link #suffix} runs only the others. The caller closes the past.
   *
   * @param columns how many, padding included; less than the width of the batch
   */
  Prefix share(Prefix prefix, int columns);

  /**
   * Runs prompts as {@link #forward} does, and keeps keys and values.
   *
   * @param newTokens for how many further tokens there is to be room
   */
  default Prefill prefill(TokenBatch batch, int newTokens, Hooks hooks) {
    return prefill(batch, 0, newTokens, Hooks.none(), hooks);
  }

  /**
   * The same, with the tokens that all rows begin with run once for all of them.
   *
   * @param shared how many, up to {@link TokenBatch#sharedTokens}; 0 for none
   * @param once act on the shared tokens {@code [1, shared, d_model]}
   * @param hooks act on the columns from {@code shared} on {@code [batch, width - shared, d_model]}; a row that is padded
   *     there has its last shared tokens among them
   */
  Prefill prefill(TokenBatch batch, int shared, int newTokens, Hooks once, Hooks hooks);

  /**
   * The same from a prefix with another activation at its hook point, as {@link #suffix} does: only the layers above
   * are run, and of them only the columns that the prefix has.
   *
   * @param prefix of {@link #prefixToGenerate}; may be shared and repeated
   */
  Prefill prefill(Prefix prefix, NDArray activation, int newTokens, Hooks hooks);

  /**
   * Appends one token to every row. Hooks see {@code [batch, 1, d_model]}.
   *
   * @param tokens one for each row
   * @return logits of the next token {@code [batch, vocab]}
   */
  NDArray step(KvCache cache, int[] tokens, Hooks hooks);

  /** @param logits of the token after the prompt {@code [batch, vocab]} */
  record Prefill(NDArray logits, KvCache cache) {}

  @Override
  void close();
}
