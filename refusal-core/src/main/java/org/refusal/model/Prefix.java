package org.refusal.model;

import ai.djl.ndarray.NDArray;
import org.refusal.circuit.HookPoint;
import org.refusal.torch.TorchOps;

/**
 * A forward pass stopped at a hook point, from which it can go on any number of times.
 *
 * @param activation what the model has there {@code [batch, pos, d_model]}
 * @param stream residual stream that the activation is added to; null where that is the residual stream itself ({@link
 *     HookPoint.Site#isStream})
 * @param begin column at which both begin; those before it are the same whatever happens after them
 * @param past keys and values of the columns before, above the hook point; null if there are none
 * @param below keys and values of all columns, in the layers up to the hook point's; null unless {@link
 *     CausalLm#prefixToGenerate} kept them
 */
public record Prefix(
    TokenBatch batch,
    HookPoint at,
    NDArray activation,
    NDArray stream,
    int begin,
    KvCache past,
    KvCache below)
    implements AutoCloseable {

  /** The same prefix with every row repeated so many times in a row, for a batch of variants of each prompt. */
  public Prefix repeat(int times) {
    return new Prefix(
        batch.repeat(times),
        at,
        TorchOps.repeatRows(activation, times),
        stream == null ? null : TorchOps.repeatRows(stream, times),
        begin,
        past,
        below);
  }

  Prefix columns(int from, int to, KvCache before) {
    String columns = ":,%d:%d".formatted(from, to);
    return new Prefix(
        batch, at, activation.get(columns), stream == null ? null : stream.get(columns), from, before, below);
  }

  /** Frees what the prefix has at its hook point; keys and values, which others may share, belong to whoever made them. */
  @Override
  public void close() {
    activation.close();
    if (stream != null) {
      stream.close();
    }
  }
}
