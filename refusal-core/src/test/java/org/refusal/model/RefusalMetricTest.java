package org.refusal.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.refusal.torch.Autograd;
import org.refusal.torch.Devices;
import org.refusal.torch.Memory;
import org.refusal.torch.TestDevice;

class RefusalMetricTest {
  /** The backward pass needs R long after apply has returned, when Java's memory of R may be somebody else's. */
  @Test
  void gradientsDoNotDependOnJavaMemory() throws InterruptedException {
    RefusalMetric metric = new RefusalMetric(new int[] {3, 70, 185});
    List<ByteBuffer> others = new ArrayList<>();
    for (int round = 0; round < 20; round++) {
      try (Memory.Scope scope = Memory.scope();
          Autograd tape = Autograd.record()) {
        NDArray logits = tape.watch(Devices.manager(TestDevice.get()).create(new double[2 * 186], new Shape(2, 186)));
        NDArray m = metric.apply(logits);
        System.gc();
        Thread.sleep(20);
        for (int i = 0; i < 2000; i++) {
          others.add(ByteBuffer.allocateDirect(24).putLong(-1).putLong(-1).putLong(-1));
        }
        double[] gradient = tape.gradients(m.sum(), List.of(logits)).get(0).toDoubleArray();
        for (int i = 0; i < gradient.length; i++) {
          int token = i % 186;
          boolean inR = token == 3 || token == 70 || token == 185;
          assertThat(gradient[i]).isCloseTo(inR ? 1.0 / 3 : -1.0 / 183, within(1e-12));
        }
      }
    }
    assertThat(others).hasSize(40_000);
  }
}
