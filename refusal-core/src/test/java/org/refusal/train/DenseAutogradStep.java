package org.refusal.train;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.util.Arrays;
import org.refusal.sae.SaeWeights;
import org.refusal.sae.TopK;

/** The same training step by dense tensor operations and automatic differentiation: the oracle, and the baseline. */
final class DenseAutogradStep implements AutoCloseable {
  private final NDManager manager;
  private final DataType dtype;
  private final int dIn;
  private final int dSae;
  private final int k;
  private final double sparsity;
  private final long deadAfter;
  private final NDArray[] parameters; // W_enc [d_in, d_sae], b_enc, W_dec [d_sae, d_in], b_dec
  private final NDArray[] means = new NDArray[4];
  private final NDArray[] variances = new NDArray[4];
  private final long[] age;
  private long step;

  DenseAutogradStep(
      NDManager parent, SaeWeights start, double sparsity, long deadAfter, DataType dtype) {
    manager = parent.newSubManager();
    this.dtype = dtype;
    dIn = start.dIn();
    dSae = start.dSae();
    k = ((TopK) start.architecture()).k();
    this.sparsity = sparsity;
    this.deadAfter = deadAfter;
    age = new long[dSae];
    parameters =
        new NDArray[] {
          array(start.wEnc(), dIn, dSae), array(start.bEnc(), dSae), array(start.wDec(), dSae, dIn),
          array(start.bDec(), dIn)
        };
    for (int i = 0; i < 4; i++) {
      parameters[i].setRequiresGradient(true);
      means[i] = manager.zeros(parameters[i].getShape(), dtype);
      variances[i] = manager.zeros(parameters[i].getShape(), dtype);
    }
  }

  private NDArray array(float[] values, long... shape) {
    return manager.create(values, new Shape(shape)).toType(dtype, true);
  }

  private static NDArray scatter(NDList top, NDArray like) {
    return like.zerosLike().scatter(top.get(1), top.get(0), 1);
  }

  /** @return loss, FVU, auxiliary FVU */
  double[] run(float[] rows, int tokens, double learningRate) {
    try (NDManager scope = manager.newSubManager()) {
      NDArray x = scope.create(rows, new Shape(tokens, dIn)).toType(dtype, true);
      double[] outcome = new double[3];
      float[] counts;
      try (GradientCollector tape = Engine.getInstance().newGradientCollector()) {
        NDArray pre =
            x.sub(parameters[3]).matMul(parameters[0]).add(parameters[1]).getNDArrayInternal().relu();
        pre.attach(scope);
        NDArray f = scatter(pre.topK(k, 1, true, true), pre);
        NDArray r = f.matMul(parameters[2]).add(parameters[3]).sub(x);
        NDArray fvu = r.square().sum().div(x.sub(x.mean(new int[] {0}, true)).square().sum());
        NDArray loss = fvu.add(f.abs().mean().mul(sparsity));
        int dead = (int) Arrays.stream(age).filter(tokensSince -> tokensSince >= deadAfter).count();
        if (dead > 0) {
          float[] mask = new float[dSae];
          for (int i = 0; i < dSae; i++) {
            mask[i] = age[i] >= deadAfter ? 1 : 0;
          }
          NDArray masked = pre.mul(scope.create(mask).toType(dtype, true));
          NDArray z = scatter(masked.topK(Math.min(dIn / 2, dead), 1, true, true), pre);
          NDArray e = r.stopGradient().neg();
          NDArray aux =
              z.matMul(parameters[2]).sub(e).square().sum().div(e.sub(e.mean(new int[] {0}, true)).square().sum());
          loss = loss.add(aux.div(32));
          outcome[2] = aux.toType(DataType.FLOAT64, false).getDouble();
        }
        outcome[0] = loss.toType(DataType.FLOAT64, false).getDouble();
        outcome[1] = fvu.toType(DataType.FLOAT64, false).getDouble();
        counts = f.gt(0).toType(DataType.FLOAT32, false).sum(new int[] {0}).toFloatArray();
        tape.backward(loss);
      }
      update(scope, learningRate);
      for (int i = 0; i < dSae; i++) {
        age[i] = counts[i] > 0 ? 0 : age[i] + tokens;
      }
      return outcome;
    }
  }

  private void update(NDManager scope, double learningRate) {
    step++;
    NDArray[] gradients = new NDArray[4];
    double squares = 0;
    for (int i = 0; i < 4; i++) {
      gradients[i] = parameters[i].getGradient();
      gradients[i].attach(scope);
      if (i == 2) {
        NDArray w = parameters[2].stopGradient();
        w.attach(scope);
        gradients[2] = gradients[2].sub(gradients[2].mul(w).sum(new int[] {1}, true).mul(w));
      }
      squares += gradients[i].square().sum().toType(DataType.FLOAT64, false).getDouble();
    }
    double clip = Math.min(1, 1 / (Math.sqrt(squares) + 1e-6));
    for (int i = 0; i < 4; i++) {
      NDArray g = gradients[i].mul(clip);
      means[i].muli(.9).addi(g.mul(.1));
      variances[i].muli(.999).addi(g.square().mul(.001));
      NDArray denominator = variances[i].sqrt().div(Math.sqrt(1 - Math.pow(.999, step))).add(1e-8);
      NDArray change = means[i].div(denominator).mul(learningRate / (1 - Math.pow(.9, step)));
      change.attach(scope);
      denominator.attach(scope);
      NDArray updated = parameters[i].stopGradient().sub(change);
      updated.attach(scope);
      if (i == 2) {
        updated = updated.div(updated.square().sum(new int[] {1}, true).sqrt());
      }
      NDArray old = parameters[i];
      parameters[i] = updated.duplicate();
      parameters[i].attach(manager);
      parameters[i].setRequiresGradient(true);
      old.close();
    }
  }

  SaeWeights weights() {
    return new SaeWeights(dIn, dSae, k, floats(0), floats(1), floats(2), floats(3));
  }

  private float[] floats(int parameter) {
    return parameters[parameter].stopGradient().toType(DataType.FLOAT32, false).toFloatArray();
  }

  @Override
  public void close() {
    manager.close();
  }
}
