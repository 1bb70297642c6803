package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Map;
import java.util.Set;

/**
 * f = TopK_k(ReLU(p)) (Gao et al. 2024, section 2.3).
 *
 * @param k entries of every token; where fewer values are positive, the rest are 0
 */
public record TopK(int k) implements Architecture {
  static final Form FORM =
      new Form("topk", "topk", "b_enc", Set.of("k"), Set.of(), given -> new TopK(given.count("k")));

  public TopK {
    if (k < 1) {
      throw new IllegalArgumentException("k " + k);
    }
  }

  @Override
  public Form form() {
    return FORM;
  }

  @Override
  public Map<String, Object> settings() {
    return Map.of("k", k);
  }

  @Override
  public Map<String, float[]> parameters() {
    return Map.of();
  }

  @Override
  public String summary() {
    return "k " + k;
  }

  @Override
  public void check(int dSae) {
    if (k > dSae) {
      throw new IllegalArgumentException("k %d is larger than d_sae %d".formatted(k, dSae));
    }
  }

  /** The k largest are then chosen among the larger latents. */
  @Override
  public Architecture scaled(float[] factors) {
    return this;
  }

  @Override
  public Activation on(NDManager manager, DataType dtype, NDArray bEnc) {
    return new Activation() {
      @Override
      public NDArray dense(NDArray p) {
        NDList top = top(p);
        NDArray values = top.get(0); // [tokens, k]
        Shape shape = new Shape(values.getShape().get(0), p.getShape().get(1));
        NDArray zeros = values.getManager().zeros(shape, values.getDataType(), values.getDevice());
        return zeros.scatter(top.get(1), values, 1);
      }

      @Override
      public SparseLatents sparse(NDArray p) {
        NDList top = top(p);
        return SparseLatents.ofEqualRows(top.get(1), top.get(0));
      }

      private NDList top(NDArray p) {
        return p.getNDArrayInternal().relu().topK(k, 1, true, true);
      }
    };
  }
}
