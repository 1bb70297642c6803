package org.refusal.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.engine.EngineException;
import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.refusal.io.Safetensors.DType;
import org.refusal.io.Safetensors;

/** Every operation against its formula written out in Java, float64, to 1e-12. */
class TorchOpsTest {
  private static final Offset<Double> CLOSE = within(1e-12);

  private Memory.Scope scope;
  private NDManager manager;
  private Random random;

  @BeforeEach
  void open() {
    scope = Memory.scope();
    manager = Devices.manager(TestDevice.get());
    random = new Random(7);
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private double[] random(int n) {
    return random.doubles(n).map(u -> 4 * u - 2).toArray();
  }

  private NDArray array(double[] values, long... shape) {
    return manager.create(values, new Shape(shape));
  }

  @Test
  void castKeepsValuesAndCopies() {
    NDArray x = manager.create(new float[] {1.5f, -2, 1 + 0x1p-9f});
    NDArray half = TorchOps.cast(x, DataType.BFLOAT16);
    assertThat(TorchOps.cast(half, DataType.FLOAT32).toFloatArray()).containsExactly(1.5f, -2, 1);
    NDArray copy = TorchOps.cast(x, DataType.FLOAT32);
    x.addi(1);
    assertThat(copy.toFloatArray()[0]).isEqualTo(1.5f);
  }

  @Test
  void assignFillsRowsAndConverts() {
    NDArray target = TorchOps.empty(manager.create(0f), DataType.FLOAT16, 3, 2);
    TorchOps.assignInPlace(target, 0, array(new double[] {1, 2}, 1, 2));
    TorchOps.assignInPlace(target, 1, array(new double[] {3, 4, 5, 6}, 2, 2));
    assertThat(TorchOps.cast(target, DataType.FLOAT32).toFloatArray()).containsExactly(1, 2, 3, 4, 5, 6);
    assertThat(TorchOps.allFinite(target)).isTrue();
    TorchOps.assignInPlace(target, 2, array(new double[] {0, 1e9}, 1, 2));
    assertThat(TorchOps.allFinite(target)).isFalse();
    assertThat(TorchOps.allFinite(array(new double[] {Double.NaN}, 1))).isFalse();
  }

  @Test
  void rmsNorm() {
    double[] x = random(6);
    double[] w = random(3);
    double[] found = TorchOps.rmsNorm(array(x, 2, 3), array(w, 3), 0.1).toDoubleArray();
    for (int i = 0; i < 6; i++) {
      int row = i / 3 * 3;
      double mean = (x[row] * x[row] + x[row + 1] * x[row + 1] + x[row + 2] * x[row + 2]) / 3;
      assertThat(found[i]).isCloseTo(x[i] / Math.sqrt(mean + 0.1) * w[i % 3], CLOSE);
    }
  }

  @Test
  void ropeTurnsPairsOfHalves() {
    double[] x = random(4);
    double a = 0.3;
    double b = 1.7;
    NDArray cos = array(new double[] {Math.cos(a), Math.cos(b), Math.cos(a), Math.cos(b)}, 1, 1, 1, 4);
    NDArray sin = array(new double[] {Math.sin(a), Math.sin(b), Math.sin(a), Math.sin(b)}, 1, 1, 1, 4);
    double[] found = TorchOps.rope(array(x, 1, 1, 1, 4), cos, sin).toDoubleArray();
    assertThat(found[0]).isCloseTo(x[0] * Math.cos(a) - x[2] * Math.sin(a), CLOSE);
    assertThat(found[2]).isCloseTo(x[2] * Math.cos(a) + x[0] * Math.sin(a), CLOSE);
    assertThat(found[1]).isCloseTo(x[1] * Math.cos(b) - x[3] * Math.sin(b), CLOSE);
    assertThat(found[3]).isCloseTo(x[3] * Math.cos(b) + x[1] * Math.sin(b), CLOSE);
  }

  @Test
  void siluGate() {
    double[] gate = random(5);
    double[] up = random(5);
    double[] found = TorchOps.siluGate(array(gate, 5), array(up, 5)).toDoubleArray();
    for (int i = 0; i < 5; i++) {
      assertThat(found[i]).isCloseTo(gate[i] / (1 + Math.exp(-gate[i])) * up[i], CLOSE);
    }
  }

  @Test
  void attentionWithGroupsAndMask() {
    int heads = 4;
    int groups = 2;
    int queries = 3;
    int keys = 5;
    int width = 2;
    double[] q = random(heads * queries * width);
    double[] k = random(heads / groups * keys * width);
    double[] v = random(heads / groups * keys * width);
    double[] mask = new double[queries * keys];
    mask[1] = -30000;
    mask[7] = -30000;
    double[] found =
        TorchOps.attention(
                array(q, 1, heads, queries, width),
                array(k, 1, heads / groups, keys, width),
                array(v, 1, heads / groups, keys, width),
                array(mask, 1, 1, queries, keys))
            .toDoubleArray();
    for (int h = 0; h < heads; h++) {
      for (int i = 0; i < queries; i++) {
        double sum = 0;
        double[] mean = new double[width];
        for (int j = 0; j < keys; j++) {
          double score = mask[i * keys + j];
          for (int d = 0; d < width; d++) {
            score += q[(h * queries + i) * width + d] * k[(h / groups * keys + j) * width + d] / Math.sqrt(width);
          }
          sum += Math.exp(score);
          for (int d = 0; d < width; d++) {
            mean[d] += Math.exp(score) * v[(h / groups * keys + j) * width + d];
          }
        }
        for (int d = 0; d < width; d++) {
          assertThat(found[(h * queries + i) * width + d]).isCloseTo(mean[d] / sum, CLOSE);
        }
      }
    }
  }

  @Test
  void logSumExp() {
    double[] found = TorchOps.logSumExp(array(new double[] {0, Math.log(3), 1000, 1000}, 2, 2)).toDoubleArray();
    assertThat(found[0]).isCloseTo(Math.log(4), CLOSE);
    assertThat(found[1]).isCloseTo(1000 + Math.log(2), CLOSE);
  }

  @Test
  void selection() {
    NDArray x = array(new double[] {3, 1, 2, 5, 9, 7}, 2, 3);
    TorchOps.TopK top = TorchOps.topK(x, 2);
    assertThat(top.values().toDoubleArray()).containsExactly(3, 2, 9, 7);
    assertThat(top.indices().toLongArray()).containsExactly(0, 2, 1, 2);
    assertThat(TorchOps.gather(x, top.indices()).toDoubleArray()).containsExactly(3, 2, 9, 7);
    assertThat(TorchOps.scatter(top.indices(), top.values(), 3).toDoubleArray()).containsExactly(3, 0, 2, 0, 9, 7);
    assertThat(TorchOps.indexRows(x, manager.create(new long[] {1, 0, 1})).toDoubleArray())
        .containsExactly(5, 9, 7, 3, 1, 2, 5, 9, 7);
    assertThat(TorchOps.repeatRows(x, 2).toDoubleArray()).containsExactly(3, 1, 2, 3, 1, 2, 5, 9, 7, 5, 9, 7);
    TorchOps.indexAddInPlace(x, manager.create(new long[] {1, 1}), array(new double[] {1, 0, 0, 1, 1, 0}, 2, 3));
    assertThat(x.toDoubleArray()).containsExactly(3, 1, 2, 7, 10, 7);
  }

  @Test
  void sparseDecodeIsTheDenseProduct() {
    double[] weight = random(8);
    NDArray w = array(weight, 4, 2);
    NDArray values = array(new double[] {2, -1, 0.5, 3}, 4);
    NDArray indices = manager.create(new long[] {3, 0, 2, 2});
    NDArray offsets = TorchOps.equalOffsets(indices.reshape(2, 2));
    double[] found = TorchOps.sparseDecode(w, new TorchOps.SparseRows(offsets, indices, values)).toDoubleArray();
    for (int d = 0; d < 2; d++) {
      assertThat(found[d]).isCloseTo(2 * weight[6 + d] - weight[d], CLOSE);
      assertThat(found[2 + d]).isCloseTo(3.5 * weight[4 + d], CLOSE);
    }
    try (Autograd tape = Autograd.record()) {
      NDArray wl = tape.watch(w);
      NDArray vl = tape.watch(values);
      List<NDArray> g = tape.gradients(
              TorchOps.sparseDecode(wl, new TorchOps.SparseRows(offsets, indices, vl)).sum(), List.of(wl, vl));
      assertThat(g.get(0).toDoubleArray()).containsExactly(-1, -1, 0, 0, 3.5, 3.5, 2, 2);
      assertThat(g.get(1).toDoubleArray()[0]).isCloseTo(weight[6] + weight[7], CLOSE);
    }
  }

  @Test
  void rowsOfAnyLengthTheEmptyOnesTooAreTheSameMatrixSparseAndDense() {
    double[] dense = {0, 2, 0, 0, 0, 0, 3, 0, 5, 0, 0, 0};
    TorchOps.SparseRows sparse = TorchOps.sparseRows(array(dense, 4, 3));
    assertThat(sparse.offsets().toLongArray()).containsExactly(0, 1, 1, 3);
    assertThat(sparse.indices().toLongArray()).containsExactly(1, 0, 2);
    assertThat(sparse.values().toDoubleArray()).containsExactly(2, 3, 5);
    assertThat(TorchOps.denseRows(sparse, 3).toDoubleArray()).containsExactly(dense);
    NDArray weight = array(new double[] {1, 10, 2, 20, 3, 30}, 3, 2);
    assertThat(TorchOps.sparseDecode(weight, sparse).toDoubleArray()).containsExactly(4, 40, 0, 0, 18, 180, 0, 0);
    TorchOps.SparseRows nothing = TorchOps.sparseRows(array(new double[6], 2, 3));
    assertThat(nothing.offsets().toLongArray()).containsExactly(0, 0);
    assertThat(TorchOps.denseRows(nothing, 3).toDoubleArray()).containsExactly(new double[6]);
    assertThat(TorchOps.sparseDecode(weight, nothing).toDoubleArray()).containsExactly(new double[4]);
  }

  /** The table is so long that it is taken in several blocks of columns, the last of them narrower. */
  @Test
  void sparseProductsOfALongTableAreThoseOfItsColumnsTogether() {
    int n = 40_000;
    int d = 150;
    double[] values = random(n * d);
    double[] weights = random(5);
    int[] chosen = {3, 39_999, 0, 17, 20_000};
    int[] bagOf = {0, 0, 2, 2, 2};
    double[] left = random(3 * d);
    double[] sums = new double[3 * d];
    double[] dots = new double[5];
    for (int e = 0; e < 5; e++) {
      for (int i = 0; i < d; i++) {
        sums[bagOf[e] * d + i] += weights[e] * values[chosen[e] * d + i];
        dots[e] += left[bagOf[e] * d + i] * values[chosen[e] * d + i];
      }
    }
    NDArray table = array(values, n, d);
    NDArray rows = manager.create(chosen);
    NDArray offsets = manager.create(new int[] {0, 2, 2});
    assertThat(TorchOps.weightedRowSums(table, rows, offsets, array(weights, 5)).toDoubleArray())
        .containsExactly(sums, CLOSE);
    assertThat(TorchOps.rowDots(array(left, 3, d), table, rows, offsets, manager.create(bagOf)).toDoubleArray())
        .containsExactly(dots, CLOSE);
  }

  @Test
  void weightedRowSumsAndRowDotsAreTheSparseProducts() {
    NDArray table = manager.create(new float[] {1, 2, 3, 4, 5, 6}, new Shape(3, 2));
    NDArray bags = manager.create(new float[] {1, -1, 10, 20, 2, 0}, new Shape(3, 2));
    NDArray rows = manager.create(new int[] {2, 0, 1, 2});
    NDArray offsets = manager.create(new int[] {0, 2, 2});
    NDArray weights = manager.create(new float[] {2, -1, .5f, 1});
    assertThat(TorchOps.weightedRowSums(table, rows, offsets, weights).toFloatArray())
        .containsExactly(9, 10, 0, 0, 6.5f, 8);
    NDArray bag = manager.create(new int[] {0, 0, 2, 2});
    assertThat(TorchOps.rowDots(bags, table, rows, offsets, bag).toFloatArray()).containsExactly(-1, -1, 6, 10);
  }

  @Test
  void adamFollowsTheFormula() {
    double p = 0.7;
    double m = 0;
    double v = 0;
    NDArray parameter = array(new double[] {p}, 1);
    NDArray first = array(new double[] {0}, 1);
    NDArray second = array(new double[] {0}, 1);
    for (int step = 1; step <= 5; step++) {
      double g = 2 * p - step;
      TorchOps.adamInPlace(parameter, array(new double[] {g}, 1), first, second, 0.01, 0.9, 0.999, 1e-8, step);
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      p -= 0.01 * (m / (1 - Math.pow(0.9, step))) / (Math.sqrt(v / (1 - Math.pow(0.999, step))) + 1e-8);
      assertThat(parameter.toDoubleArray()[0]).isCloseTo(p, CLOSE);
    }
  }

  @Test
  void eighOfASymmetricMatrix() {
    NDArray symmetric = Devices.manager(Device.cpu()).create(new double[] {2, 1, 1, 2}, new Shape(2, 2));
    TorchOps.Eigen eigen = TorchOps.eigh(symmetric);
    assertThat(eigen.values().toDoubleArray()[0]).isCloseTo(1, CLOSE);
    assertThat(eigen.values().toDoubleArray()[1]).isCloseTo(3, CLOSE);
    double[] vectors = eigen.vectors().toDoubleArray();
    assertThat(vectors[0] * vectors[2]).isCloseTo(-0.5, CLOSE);
    assertThat(vectors[1] * vectors[3]).isCloseTo(0.5, CLOSE);
  }

  @Test
  void products() {
    NDArray a = array(new double[] {1, 2, 3, 4}, 2, 2);
    NDArray b = array(new double[] {5, 6, 7, 8}, 2, 2);
    assertThat(TorchOps.matmul(a, b).toDoubleArray()).containsExactly(19, 22, 43, 50);
    assertThat(TorchOps.einsum("ij,ij->i", a, b).toDoubleArray()).containsExactly(17, 53);
    assertThat(TorchOps.linear(a, b, array(new double[] {1, -1}, 2)).toDoubleArray()).containsExactly(18, 22, 40, 52);
  }

  @Test
  void gradientsReachIntermediatesAndCanBeAskedTwice() {
    NDArray x = manager.create(new float[] {1, 2, 3});
    try (Autograd tape = Autograd.record()) {
      NDArray a = tape.watch(x);
      NDArray b = a.mul(a);
      NDArray c = TorchOps.cast(b, DataType.FLOAT64);
      NDArray s = c.mul(c).sum();
      for (int i = 0; i < 2; i++) {
        List<NDArray> g = tape.gradients(s, List.of(a, b, tape.watch(x)));
        assertThat(g.get(0).toFloatArray()).containsExactly(4, 32, 108);
        assertThat(g.get(1).toFloatArray()).containsExactly(2, 8, 18);
        assertThat(g.get(2).toFloatArray()).containsExactly(0, 0, 0);
      }
      assertThat(TorchOps.detach(a).mul(2).toFloatArray()).containsExactly(2, 4, 6);
    }
  }

  @Test
  void nothingIsRecordedWithoutATape() throws InterruptedException {
    NDArray x = manager.create(new double[] {1, 2});
    NDArray leaf;
    try (Autograd tape = Autograd.record()) {
      leaf = tape.watch(x);
    }
    NDArray s = TorchOps.logSumExp(leaf);
    try (Autograd tape = Autograd.record()) {
      assertThatThrownBy(() -> tape.gradients(s, List.of(leaf))).isInstanceOf(EngineException.class);
      boolean[] recording = {true};
      Thread other = new Thread(() -> recording[0] = Autograd.isRecording());
      other.start();
      other.join();
      assertThat(recording[0]).isFalse();
      try (Autograd inner = Autograd.record()) {
        assertThat(Autograd.isRecording()).isTrue();
      }
      assertThat(tape.gradients(TorchOps.logSumExp(leaf), List.of(leaf)).get(0).sum().toDoubleArray()[0])
          .isCloseTo(1, CLOSE);
    }
    assertThat(Autograd.isRecording()).isFalse();
  }

  @Test
  void bytesAreThoseOfEveryType() {
    float[] values = {1, -2.5f, 0, 65504, 1e-3f, -7};
    NDArray x = manager.create(values, new Shape(2, 3));
    assertThat(TorchOps.bytes(x)).isEqualTo(little(Safetensors.encode(values, DType.F32)));
    assertThat(TorchOps.bytes(TorchOps.cast(x, DataType.FLOAT64)))
        .isEqualTo(little(Safetensors.encode(values, DType.F64)));
    assertThat(TorchOps.bytes(TorchOps.cast(x, DataType.FLOAT16)))
        .isEqualTo(little(Safetensors.encode(values, DType.F16)));
    byte[] brain = TorchOps.bytes(TorchOps.cast(manager.create(new float[] {1, -2.5f, 65504}), DataType.BFLOAT16));
    assertThat(brain).isEqualTo(little(Safetensors.encode(new float[] {1, -2.5f, 65504}, DType.BF16)));
    assertThat(TorchOps.bytes(x.transpose()))
        .as("of an array that is not contiguous")
        .isEqualTo(little(Safetensors.encode(new float[] {1, 65504, -2.5f, 1e-3f, 0, -7}, DType.F32)));
  }

  private static byte[] little(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }
}
