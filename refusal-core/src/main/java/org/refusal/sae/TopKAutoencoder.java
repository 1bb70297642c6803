package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * The autoencoder as tensor operations, differentiable, on any device. Encoding costs {@code tokens d_in d_sae}
 * multiplications. Decoding costs {@code tokens d_in k} on a CPU, unless k is so large that a dense product is as fast, and
 * as many as encoding on a GPU, which makes the dense product faster than it gathers rows.
 */
public final class TopKAutoencoder implements SparseAutoencoder {
  /** Up to one latent in so many active, a CPU sums the rows of these alone faster than it makes the dense product. */
  private static final int FEW_OF = 16;

  private final NDManager manager;
  private final int k;
  private final NDArray wEnc; // [d_in, d_sae]
  private final NDArray bEnc; // [d_sae]
  private final NDArray wDec; // [d_sae, d_in]
  private final NDArray bDec; // [d_in]

  private TopKAutoencoder(NDManager manager, int k, NDArray wEnc, NDArray bEnc, NDArray wDec, NDArray bDec) {
    this.manager = manager;
    this.k = k;
    this.wEnc = wEnc;
    this.bEnc = bEnc;
    this.wDec = wDec;
    this.bDec = bDec;
  }

  /**
   * Copies the weights to the parent manager's device.
   *
   * @param dtype float32 or float64
   */
  public static TopKAutoencoder of(SaeWeights weights, NDManager parent, DataType dtype) {
    NDManager manager = parent.newSubManager();
    return new TopKAutoencoder(
        manager,
        weights.k(),
        array(manager, weights.wEnc(), dtype, new Shape(weights.dIn(), weights.dSae())),
        array(manager, weights.bEnc(), dtype, new Shape(weights.dSae())),
        array(manager, weights.wDec(), dtype, new Shape(weights.dSae(), weights.dIn())),
        array(manager, weights.bDec(), dtype, new Shape(weights.dIn())));
  }

  private static NDArray array(NDManager manager, float[] values, DataType dtype, Shape shape) {
    return switch (dtype) {
      case FLOAT32 -> Memory.own(manager.create(values, shape));
      case FLOAT64 -> {
        double[] wide = new double[values.length];
        for (int i = 0; i < values.length; i++) {
          wide[i] = values[i];
        }
        yield Memory.own(manager.create(wide, shape));
      }
      default -> throw new IllegalArgumentException("an autoencoder computes in float32 or float64, not " + dtype);
    };
  }

  @Override
  public int dIn() {
    return (int) bDec.size();
  }

  @Override
  public int dSae() {
    return (int) bEnc.size();
  }

  @Override
  public int k() {
    return k;
  }

  @Override
  public NDArray wEnc() {
    return wEnc;
  }

  @Override
  public NDArray bEnc() {
    return bEnc;
  }

  @Override
  public NDArray wDec() {
    return wDec;
  }

  @Override
  public NDArray bDec() {
    return bDec;
  }

  @Override
  public SparseLatents encode(NDArray x) {
    NDList top = preActivations(x).topK(k, 1, true, true);
    return new SparseLatents(top.get(1), top.get(0));
  }

  private NDArray preActivations(NDArray x) {
    Shape shape = x.getShape();
    if (shape.dimension() != 2 || shape.get(1) != dIn()) {
      throw new IllegalArgumentException("activations of shape %s; expected [tokens, %d]".formatted(shape, dIn()));
    }
    return x.sub(bDec).matMul(wEnc).add(bEnc).getNDArrayInternal().relu(); // [tokens, d_sae]
  }

  @Override
  public NDArray encodeDense(NDArray x) {
    return dense(encode(x));
  }

  private NDArray dense(SparseLatents latents) {
    NDArray values = latents.values(); // [tokens, k]
    Shape shape = new Shape(values.getShape().get(0), dSae());
    NDArray zeros = values.getManager().zeros(shape, values.getDataType(), values.getDevice());
    return zeros.scatter(latents.indices(), values, 1);
  }

  @Override
  public NDArray decode(SparseLatents latents) {
    boolean sparse = !wDec.getDevice().isGpu() && (long) k * FEW_OF <= dSae();
    NDArray sums =
        sparse ? TorchOps.sparseDecode(wDec, latents.indices(), latents.values()) : dense(latents).matMul(wDec);
    return sums.add(bDec); // [tokens, d_in]
  }

  @Override
  public void close() {
    manager.close();
  }
}
