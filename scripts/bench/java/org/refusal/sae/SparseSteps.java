package org.refusal.sae;

import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import org.refusal.base.Workers;
import org.refusal.train.SaeState;
import org.refusal.train.TrainingStep;

/** The toolkit's own training steps, for the benchmark. */
public final class SparseSteps implements AutoCloseable {
  private final TrainingStep step;
  private final Workers parallel;
  private final SaeWeights start;

  /** @param x one batch {@code [batch, d_in]}; its first row is where b_dec begins */
  public SparseSteps(float[] x, int dIn, int dSae, int k, int threads, NDManager manager) {
    SaeState state = SaeState.initial(dSae, Arrays.copyOf(x, dIn), 1);
    start = state.weights(k);
    parallel = new Workers(threads);
    step = TrainingStep.topK(state, k, 0, Long.MAX_VALUE, parallel, manager);
  }

  /** The weights before the first step. */
  public SaeWeights start() {
    return start;
  }

  /** One step; returns the loss before it. */
  public double run(float[] x, int batch, double learningRate) {
    return step.run(x, batch, learningRate).loss();
  }

  @Override
  public void close() {
    step.close();
    parallel.close();
  }
}
