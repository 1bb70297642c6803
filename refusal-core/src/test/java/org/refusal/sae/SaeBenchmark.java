package org.refusal.sae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;

/**
 * Milliseconds per training step against dense automatic differentiation in the same process. Arguments: d_in d_sae k
 * batch steps threads.
 */
public final class SaeBenchmark {
  private SaeBenchmark() {}

  public static void main(String[] args) {
    int dIn = Integer.parseInt(args[0]);
    int dSae = Integer.parseInt(args[1]);
    int k = Integer.parseInt(args[2]);
    int batch = Integer.parseInt(args[3]);
    int steps = Integer.parseInt(args[4]);
    int threads = Integer.parseInt(args[5]);
    PlantedActivations planted = PlantedActivations.random(dIn, dSae / 2, Math.min(k, 16), .05, 1);
    float[] x = planted.sample(batch, 1);
    SaeState state = SaeState.initial(dSae, Arrays.copyOf(x, dIn), 1);
    SaeWeights start = state.weights(k);
    try (NDManager manager = NDManager.newBaseManager();
        Parallel parallel = new Parallel(threads)) {
      SparseTrainingStep sparse = new SparseTrainingStep(state, SparseTrainingStep.Rules.TOP_K, k, 0, Long.MAX_VALUE, parallel, manager);
      double ours = Double.MAX_VALUE;
      for (int i = 0; i < steps; i++) {
        long from = System.nanoTime();
        sparse.run(x, batch, 1e-4);
        ours = Math.min(ours, (System.nanoTime() - from) / 1e6);
      }
      double matmul = Double.MAX_VALUE;
      NDArray a = manager.randomNormal(new Shape(batch, dIn));
      NDArray b = manager.randomNormal(new Shape(dSae, dIn));
      for (int i = 0; i < 5; i++) {
        long from = System.nanoTime();
        a.matMul(b.transpose()).close();
        matmul = Math.min(matmul, (System.nanoTime() - from) / 1e6);
      }
      System.out.printf(
          "%d -> %d, k %d, batch %d, %d threads: %.1f ms per step (%.0f samples/s), of it the dense product %.1f ms"
              + " (%.0f GFLOP/s)%n",
          dIn, dSae, k, batch, threads, ours, batch / ours * 1e3, matmul, 2.0 * batch * dIn * dSae / matmul / 1e6);
      if (args.length > 6) {
        try (DenseAutogradStep dense = new DenseAutogradStep(manager, start, 0, Long.MAX_VALUE, DataType.FLOAT32)) {
          double baseline = Double.MAX_VALUE;
          for (int i = 0; i < Integer.parseInt(args[6]); i++) {
            long from = System.nanoTime();
            dense.run(x, batch, 1e-4);
            baseline = Math.min(baseline, (System.nanoTime() - from) / 1e6);
          }
          System.out.printf("dense autograd: %.1f ms per step, ratio %.2f%n", baseline, baseline / ours);
        }
      }
    }
  }
}
