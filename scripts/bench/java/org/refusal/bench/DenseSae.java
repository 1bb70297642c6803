package org.refusal.bench;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import ai.djl.training.optimizer.Adam;
import ai.djl.training.tracker.Tracker;
import org.refusal.sae.SaeWeights;
import org.refusal.sae.TopK;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * The same training step written as most would write it: dense tensor operations, automatic differentiation, and DJL's
 * own Adam. Gradient clipping, the tangent step and the unit rows of the decoder are as in the toolkit.
 */
final class DenseSae implements AutoCloseable {
  private final NDManager manager;
  private final int k;
  private final NDArray[] parameters; // W_enc [d_in, d_sae], b_enc, W_dec [d_sae, d_in], b_dec
  private final Adam adam;
  private final boolean torchAdam;
  private final double learningRate;
  private final NDArray[] first = new NDArray[4];
  private final NDArray[] second = new NDArray[4];
  private int step;

  /** @param torchAdam Adam as torch defines it, which adds epsilon after the bias correction, instead of DJL's own */
  DenseSae(NDManager parent, SaeWeights start, float learningRate, boolean torchAdam) {
    this.torchAdam = torchAdam;
    this.learningRate = learningRate;
    manager = parent.newSubManager();
    k = ((TopK) start.architecture()).k();
    parameters =
        new NDArray[] {
          manager.create(start.wEnc(), new Shape(start.dIn(), start.dSae())),
          manager.create(start.bEnc(), new Shape(start.dSae())),
          manager.create(start.wDec(), new Shape(start.dSae(), start.dIn())),
          manager.create(start.bDec(), new Shape(start.dIn()))
        };
    for (int i = 0; i < 4; i++) {
      parameters[i].setRequiresGradient(true);
      first[i] = manager.zeros(parameters[i].getShape());
      second[i] = manager.zeros(parameters[i].getShape());
    }
    adam = Adam.builder().optLearningRateTracker(Tracker.fixed(learningRate)).build();
  }

  /** One step; returns the loss before it. */
  double run(float[] rows, int tokens) {
    double loss = differentiate(rows, tokens);
    step++;
    for (int i = 0; i < 4; i++) {
      try (NDArray gradient = parameters[i].getGradient()) {
        if (torchAdam) {
          TorchOps.adamInPlace(
              parameters[i].stopGradient(), gradient, first[i], second[i], learningRate, .9, .999, 1e-8, step);
        } else {
          adam.update("parameter" + i, parameters[i], gradient); // its state must not die with a scope
        }
      }
    }
    finish();
    return loss;
  }

  private double differentiate(float[] rows, int tokens) {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray x = manager.create(rows, new Shape(tokens, parameters[3].size()));
      double loss;
      try (GradientCollector tape = Engine.getInstance().newGradientCollector()) {
        NDArray pre = x.sub(parameters[3]).matMul(parameters[0]).add(parameters[1]).getNDArrayInternal().relu();
        NDList top = pre.topK(k, 1, true, true);
        NDArray f = pre.zerosLike().scatter(top.get(1), top.get(0), 1);
        NDArray r = f.matMul(parameters[2]).add(parameters[3]).sub(x);
        NDArray fvu = r.square().sum().div(x.sub(x.mean(new int[] {0}, true)).square().sum());
        loss = fvu.getFloat();
        tape.backward(fvu);
      }
      clip();
      return loss;
    }
  }

  private void clip() {
    NDArray[] gradients = new NDArray[4];
    double squares = 0;
    for (int i = 0; i < 4; i++) {
      gradients[i] = parameters[i].getGradient();
      if (i == 2) {
        NDArray w = parameters[2].stopGradient();
        gradients[2].subi(gradients[2].mul(w).sum(new int[] {1}, true).mul(w));
      }
      squares += gradients[i].square().sum().getFloat();
    }
    double clip = 1 / (Math.sqrt(squares) + 1e-6);
    for (int i = 0; clip < 1 && i < 4; i++) {
      gradients[i].muli(clip);
    }
  }

  /** Unit decoder rows, gradients zero. */
  private void finish() {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray w = parameters[2].stopGradient();
      w.divi(w.square().sum(new int[] {1}, true).sqrt());
      for (NDArray parameter : parameters) {
        NDArray gradient = parameter.getGradient();
        gradient.subi(gradient);
      }
    }
  }

  @Override
  public void close() {
    manager.close();
  }
}
