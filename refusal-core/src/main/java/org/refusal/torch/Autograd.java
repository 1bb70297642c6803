package org.refusal.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.jni.JniUtils;
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
 *
 * <p>Without an open one no graph is built, on any thread. DJL's {@code toType}, {@code duplicate} and device moves cut
 * the graph silently: use {@link TorchOps#cast} and the like.
 */
public final class Autograd implements AutoCloseable {
  private static final ThreadLocal<Integer> DEPTH = ThreadLocal.withInitial(() -> 0);

  private boolean open = true;

  private Autograd() {
    TorchRuntime.start();
    DEPTH.set(DEPTH.get() + 1);
    JniUtils.setGradMode(true);
  }

  public static Autograd record() {
    return new Autograd();
  }

  /** Whether the calling thread records. */
  public static boolean isRecording() {
    return DEPTH.get() > 0;
  }

  /** A leaf with the same values that requires a gradient. */
  public NDArray watch(NDArray values) {
    return TorchOps.SCRIPT.tensor("watch", values);
  }

  /**
   * d scalar / d each of the inputs, which may be leaves or any intermediate of the recorded computation. The graph is
   * kept, so that this can be called again. An input that the scalar does not depend on has gradient zero.
   */
  public List<NDArray> gradients(NDArray scalar, List<NDArray> inputs) {
    return TorchOps.SCRIPT.tensors("gradients", scalar, inputs);
  }

  @Override
  public void close() {
    if (open) {
      open = false;
      DEPTH.set(DEPTH.get() - 1);
      JniUtils.setGradMode(isRecording());
    }
  }
}
