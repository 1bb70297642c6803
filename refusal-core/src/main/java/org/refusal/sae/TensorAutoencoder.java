package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.refusal.torch.TorchOps;

/**
 * The autoencoder as tensor operations, differentiable, on any device. Encoding costs {@code tokens d_in d_sae}
 * multiplications. Decoding costs {@code entries d_in} on a CPU, unless so many latents are active that a dense product is as
 * fast, and as many as encoding on a GPU, which makes the dense product faster than it gathers rows.
 */
public final class TensorAutoencoder implements SparseAutoencoder {
  /** Up to one latent in so many active, a CPU sums the rows of these alone faster than it makes the dense product. */
  private static final int FEW_OF = 16;

  private final NDManager manager;
  private final Architecture architecture;
  private final Architecture.Activation activation;
  private final NDArray wEnc; // [d_in, d_sae]
  private final NDArray bEnc; // [d_sae]
  private final NDArray wDec; // [d_sae, d_in]
  private final NDArray bDec; // [d_in]

  private TensorAutoencoder(NDManager manager, SaeWeights weights, DataType dtype) {
    this.manager = manager;
    this.architecture = weights.architecture();
    this.wEnc = Parameters.array(manager, weights.wEnc(), dtype, weights.dIn(), weights.dSae());
    this.bEnc = Parameters.array(manager, weights.bEnc(), dtype, weights.dSae());
    this.wDec = Parameters.array(manager, weights.wDec(), dtype, weights.dSae(), weights.dIn());
    this.bDec = Parameters.array(manager, weights.bDec(), dtype, weights.dIn());
    this.activation = architecture.on(manager, dtype, bEnc);
  }

  /**
   * Copies the weights to the parent manager's device.
   *
   * @param dtype float32 or float64
   */
  public static TensorAutoencoder of(SaeWeights weights, NDManager parent, DataType dtype) {
    return new TensorAutoencoder(parent.newSubManager(), weights, dtype);
  }

  @Override
  public Architecture architecture() {
    return architecture;
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
  public NDArray wDec() {
    return wDec;
  }

  @Override
  public NDArray bDec() {
    return bDec;
  }

  @Override
  public SparseLatents encode(NDArray x) {
    return activation.sparse(encoderValues(x));
  }

  @Override
  public NDArray encodeDense(NDArray x) {
    return activation.dense(encoderValues(x));
  }

  @Override
  public NDArray activeValues(NDArray x) {
    return activation.active(encoderValues(x));
  }

  @Override
  public NDArray activeValues(NDArray x, int latent) {
    NDArray column = wEnc.get(":, %d:%d".formatted(latent, latent + 1)); // [d_in, 1]
    NDArray value = x.sub(bDec).matMul(column).add(bEnc.get("%d:%d".formatted(latent, latent + 1)));
    return activation.active(value, latent);
  }

  private NDArray encoderValues(NDArray x) {
    Shape shape = x.getShape();
    if (shape.dimension() != 2 || shape.get(1) != dIn()) {
      throw new IllegalArgumentException("activations of shape %s; expected [tokens, %d]".formatted(shape, dIn()));
    }
    return x.sub(bDec).matMul(wEnc).add(bEnc); // [tokens, d_sae]
  }

  @Override
  public NDArray decode(SparseLatents latents) {
    boolean sparse = !wDec.getDevice().isGpu() && latents.entries() * FEW_OF <= latents.tokens() * dSae();
    NDArray sums =
        sparse ? TorchOps.sparseDecode(wDec, latents.rows()) : latents.dense(dSae()).matMul(wDec);
    return sums.add(bDec); // [tokens, d_in]
  }

  @Override
  public void close() {
    manager.close();
  }
}
