package org.refusal.model;

import ai.djl.ndarray.NDArray;
import java.util.List;
import org.refusal.torch.ScriptModule;

/**
 * Keys and values of the positions already run, and how many there are. Made by {@link CausalLm#prefill}, advanced by
 * {@link CausalLm#step}.
 */
public final class KvCache implements AutoCloseable {
  private final TokenBatch batch;
  private final int capacity;
  private final List<NDArray> arrays;
  private final List<ScriptModule.Tensors> perLayer;
  private final NDArray padding;
  private int filled;

  KvCache(TokenBatch batch, int capacity, List<NDArray> arrays, List<ScriptModule.Tensors> perLayer, NDArray padding) {
    this.batch = batch;
    this.capacity = capacity;
    this.arrays = arrays;
    this.perLayer = perLayer;
    this.padding = padding;
  }

  /** Columns run so far, padding included. */
  public int filled() {
    return filled;
  }

  /** Columns there is room for. */
  public int capacity() {
    return capacity;
  }

  /** The prompts that it began with. */
  public TokenBatch batch() {
    return batch;
  }

  NDArray padding() {
    return padding;
  }

  ScriptModule.Tensors layer(int layer) {
    return perLayer.get(layer);
  }

  void advance(int columns) {
    filled += columns;
  }

  @Override
  public void close() {
    perLayer.forEach(ScriptModule.Tensors::close);
    arrays.forEach(NDArray::close);
    padding.close();
  }
}
