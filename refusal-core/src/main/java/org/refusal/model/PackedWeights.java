package org.refusal.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.refusal.torch.Memory;
import org.refusal.torch.ScriptModule.Tensors;

/**
 * A second copy of a model's matrices for steps of generation, laid out as oneDNN's products read them: with the few rows
 * of a step a plain product takes two to three times as long. Results differ by rounding. Only float32 on x86
 * processors, and only for models whose copy fits {@link #LARGEST}. Longer passes do without: oneDNN keeps a kernel for
 * every number of rows that it has met, and the gain is smaller.
 */
final class PackedWeights implements AutoCloseable {
  /** Bytes of a copy: beyond it, memory counts for more than time. */
  static final long LARGEST = 2L << 30;

  private final List<NDArray> owned = new ArrayList<>();
  private final List<Tensors> attention = new ArrayList<>();
  private final List<Tensors> mlp = new ArrayList<>();
  private NDArray unembedding;

  static boolean worthwhile(ModelConfig config, Device device, DataType type) {
    return !device.isGpu() && type == DataType.FLOAT32 && isX86() && bytes(config) <= LARGEST;
  }

  private static boolean isX86() {
    String processor = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
    return processor.equals("amd64") || processor.equals("x86_64");
  }

  /** Of the copy: the matrices of all layers and the unembedding, as float32. */
  static long bytes(ModelConfig config) {
    long d = config.dModel();
    long queries = (long) config.heads() * config.headDim();
    long others = 2L * config.kvHeads() * config.headDim();
    long layer = d * (2 * queries + others) + 3 * d * config.intermediate();
    return Float.BYTES * (config.layers() * layer + config.vocabSize() * d);
  }

  /** @param weights of the block as the script takes them: two matrices, then norms */
  void addAttention(List<NDArray> weights) {
    attention.add(packed(weights));
  }

  /** @param weights as those of the attention */
  void addMlp(List<NDArray> weights) {
    mlp.add(packed(weights));
  }

  private Tensors packed(List<NDArray> weights) {
    List<NDArray> all = new ArrayList<>(weights);
    all.set(0, pack(all.get(0)));
    all.set(1, pack(all.get(1)));
    return Tensors.of(all);
  }

  void setUnembedding(NDArray weight) {
    unembedding = pack(weight);
  }

  Tensors attention(int layer) {
    return attention.get(layer);
  }

  Tensors mlp(int layer) {
    return mlp.get(layer);
  }

  NDArray unembedding() {
    return unembedding;
  }

  private NDArray pack(NDArray weight) {
    NDArray packed = Memory.own(DecoderScript.Packing.SCRIPT.tensor("pack", weight));
    owned.add(packed);
    return packed;
  }

  @Override
  public void close() {
    attention.forEach(Tensors::close);
    mlp.forEach(Tensors::close);
    owned.forEach(NDArray::close);
  }
}
