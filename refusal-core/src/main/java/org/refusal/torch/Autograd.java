package org.refusal.torch;

import ai.djl.ndarray.NDArray;
import java.util.List;

/**
 * Records operations for differentiation on the calling thread until closed.
 *
 * <pre>{@code
 * try (Autograd tape = Autograd.record()) {
 *   NDArray a = tape.watch(activation);       // same values, requires a gradient
 *   NDArray m = metric.apply(lm.suffix(prefix, a, Hooks.none(), LogitsAt.LAST)).sum();
 *   NDArray g = tape.gradients(m, List.of(a)).get(0); // shape of a
 * }
 * }</pre>
 */
public final class Autograd implements AutoCloseable {

  public static Autograd record() {
    throw new UnsupportedOperationException();
  }

  /** A leaf with the same values that requires a gradient. */
  public NDArray watch(NDArray values) {
    throw new UnsupportedOperationException();
  }

  /**
   * d scalar / d each of the inputs, which may be leaves or any intermediate of the recorded computation. The graph is
   * kept, so that this can be called again.
   */
  public List<NDArray> gradients(NDArray scalar, List<NDArray> inputs) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {
    throw new UnsupportedOperationException();
  }
}
