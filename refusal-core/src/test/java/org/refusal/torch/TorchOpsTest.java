package org.refusal.torch;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.List;
import org.junit.jupiter.api.Test;

class TorchOpsTest {
  @Test
  void gradientsReachIntermediates() {
    try (Memory.Scope scope = Memory.scope()) {
      NDArray x = Devices.manager(Device.cpu()).create(new float[] {1, 2, 3});
      try (Autograd tape = Autograd.record()) {
        NDArray a = tape.watch(x);
        NDArray b = a.mul(a);
        NDArray c = TorchOps.cast(b, DataType.FLOAT64);
        NDArray s = c.mul(c).sum();
        List<NDArray> g = tape.gradients(s, List.of(a, b));
        assertThat(g.get(0).toFloatArray()).containsExactly(4, 32, 108);
        assertThat(g.get(1).toFloatArray()).containsExactly(2, 8, 18);
      }
    }
  }
}
