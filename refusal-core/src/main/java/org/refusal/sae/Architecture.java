package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.Map;
import java.util.Set;
import org.refusal.base.UserException;

/**
 * What makes latents of the encoder's values p = W_enc (x - b_dec) + b_enc, with its parameters: the one place where kinds of
 * autoencoders differ. An implementation is an immutable record with a {@link Form}; {@link Architectures} lists them.
 */
public interface Architecture {

  Form form();

  /** Keys of cfg.json beside the common ones, in the order in which they are written. */
  Map<String, Object> settings();

  /** Tensors of {@code d_sae} elements beside the encoder's and the decoder's, by name. */
  Map<String, float[]> parameters();

  /** In words, for messages: {@code k 32}. */
  String summary();

  /** @throws IllegalArgumentException if the parameters do not fit so many latents */
  void check(int dSae);

  /**
   * With the input's bias folded: the caller adds these to b_enc, and here to whatever else stands for a bias.
   *
   * @param shifts W_enc^T b_dec {@code [d_sae]}
   */
  default Architecture shifted(float[] shifts) {
    return this;
  }

  /**
   * With latents made larger: the caller multiplies columns of W_enc and elements of b_enc by the factors and divides the rows
   * of W_dec.
   *
   * @param factors positive {@code [d_sae]}
   */
  Architecture scaled(float[] factors);

  /**
   * The parameters on a device.
   *
   * @param bEnc {@code [d_sae]}
   */
  Activation on(NDManager manager, DataType dtype, NDArray bEnc);

  /** The differentiable function from p to latents. */
  interface Activation {
    /** @param p {@code [tokens, d_sae]}; returns latents of that shape */
    NDArray dense(NDArray p);

    default SparseLatents sparse(NDArray p) {
      return SparseLatents.ofDense(dense(p));
    }

    /** What the latents would be if they were active {@code [tokens, d_sae]}; affine in p. */
    default NDArray active(NDArray p) {
      return p;
    }

    /** The same of one latent {@code [tokens, 1]}. */
    default NDArray active(NDArray p, int latent) {
      return p;
    }
  }

  /**
   * What is the same for all autoencoders of an architecture.
   *
   * @param name in our configs and messages
   * @param saeLens {@code architecture} in cfg.json; two forms may share it where one is a case of the other, and then
   *     {@code metadata.architecture} has our name
   * @param encoderBias name of b_enc among the tensors
   * @param settings keys of cfg.json of its own
   * @param tensors names of tensors of its own {@code [d_sae]}
   * @param reader makes one of what a file says
   */
  record Form(
      String name, String saeLens, String encoderBias, Set<String> settings, Set<String> tensors, Reader reader) {
    /** Whether the name in cfg.json stands for this form alone. */
    boolean ownSaeLensName() {
      return Architectures.all().stream().filter(form -> form.saeLens().equals(saeLens)).count() == 1;
    }
  }

  /** From the parameters in a file. */
  @FunctionalInterface
  interface Reader {
    /** @throws UserException naming what is missing or does not fit */
    Architecture read(Given given);
  }

  /** What a file says of one autoencoder. */
  interface Given {
    /** A whole number from 1. */
    int count(String setting);

    /** {@code [d_sae]}, finite. */
    float[] vector(String tensor);

    /** @return an error that names the file */
    UserException wrong(String what);
  }
}
