package org.refusal.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.refusal.base.UserException;
import org.refusal.io.Safetensors;
import org.refusal.torch.Devices;
import org.refusal.torch.Memory;
import org.refusal.torch.TorchOps;

/**
 * Copies weights from the mapped files to the device, a few rows at a time, converting to the wanted type on the way.
 * Host memory beyond the weights themselves stays below the size of one piece.
 */
final class WeightLoader implements AutoCloseable {
  private static final long PIECE_BYTES = 16L << 20;

  private final CheckpointFolder checkpoint;
  private final Device device;
  private final DataType type;
  private final Map<Path, Safetensors> open = new HashMap<>();

  WeightLoader(CheckpointFolder checkpoint, Device device, DataType type) {
    this.checkpoint = checkpoint;
    this.device = device;
    this.type = type;
  }

  boolean has(String name) {
    return checkpoint.tensors().containsKey(name);
  }

  /** One tensor of the given shape. */
  NDArray load(String name, long... shape) {
    return stack(List.of(name), new long[] {shape[0]}, Arrays.copyOfRange(shape, 1, shape.length));
  }

  /** Several tensors below each other: {@code rows[i]} of each, all with the same remaining shape. */
  NDArray stack(List<String> names, long[] rows, long... rest) {
    long[] shape = new long[rest.length + 1];
    shape[0] = Arrays.stream(rows).sum();
    System.arraycopy(rest, 0, shape, 1, rest.length);
    try (Memory.Scope scope = Memory.scope()) {
      NDArray target = TorchOps.empty(Devices.manager(device).create(0f), type, shape);
      long begin = 0;
      for (int i = 0; i < rows.length; i++) {
        long[] expected = shape.clone();
        expected[0] = rows[i];
        copy(names.get(i), expected, target, begin);
        begin += rows[i];
      }
      return scope.keep(target);
    }
  }

  private void copy(String name, long[] expected, NDArray target, long begin) {
    TensorPlace place = place(name);
    Safetensors file = open.computeIfAbsent(place.file(), Safetensors::open);
    String stored = place.storedName();
    Safetensors.Entry entry = file.entry(stored);
    if (!Arrays.equals(entry.shape(), expected)) {
      throw UserException.badData(
          "%s: tensor '%s' has shape %s, config.json implies %s"
              .formatted(file.file(), name, Arrays.toString(entry.shape()), Arrays.toString(expected)));
    }
    if (!entry.dtype().isFloating()) {
      throw UserException.badData(
          "%s: tensor '%s' is %s, expected F64, F32, F16 or BF16".formatted(file.file(), name, entry.storedType()));
    }
    long rowBytes = (entry.end() - entry.begin()) / expected[0];
    long rowsAtOnce = Math.max(1, PIECE_BYTES / rowBytes);
    for (long row = 0; row < expected[0]; row += rowsAtOnce) {
      long[] piece = expected.clone();
      piece[0] = Math.min(rowsAtOnce, expected[0] - row);
      try (Memory.Scope scope = Memory.scope()) {
        ByteBuffer bytes = file.bytes(stored, row * rowBytes, Math.toIntExact(piece[0] * rowBytes));
        NDArray values = array(bytes, entry.dtype(), new Shape(piece));
        if (!TorchOps.allFinite(values)) {
          throw UserException.badData(
              "%s: tensor '%s' holds NaN or infinite values".formatted(file.file(), name), "fetch the file again");
        }
        TorchOps.assignInPlace(target, begin + row, values);
      }
    }
  }

  private static NDArray array(ByteBuffer bytes, Safetensors.DType dtype, Shape shape) {
    NDManager manager = Devices.manager(Device.cpu());
    if (dtype == Safetensors.DType.BF16) {
      return manager.create(widened(bytes), shape, DataType.FLOAT32); // DJL cannot make a BFLOAT16 array
    }
    ByteBuffer aligned = bytes;
    if (!bytes.isDirect() || bytes.alignmentOffset(0, dtype.bytes()) != 0) {
      aligned = ByteBuffer.allocateDirect(bytes.remaining()).order(ByteOrder.LITTLE_ENDIAN).put(bytes).flip();
    }
    return switch (dtype) {
      case F64 -> manager.create(aligned, shape, DataType.FLOAT64);
      case F32 -> manager.create(aligned, shape, DataType.FLOAT32);
      default -> manager.create(aligned, shape, DataType.FLOAT16);
    };
  }

  /** bfloat16 as float32: the upper half of the same bits. */
  private static ByteBuffer widened(ByteBuffer bytes) {
    short[] upper = new short[bytes.remaining() / Short.BYTES];
    bytes.asShortBuffer().get(upper);
    int[] bits = new int[upper.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = upper[i] << 16;
    }
    ByteBuffer floats = ByteBuffer.allocateDirect(bits.length * Float.BYTES).order(ByteOrder.nativeOrder());
    floats.asIntBuffer().put(bits);
    return floats;
  }

  private TensorPlace place(String name) {
    TensorPlace place = checkpoint.tensors().get(name);
    if (place == null) {
      throw new IllegalArgumentException("no tensor '" + name + "' in " + checkpoint.folder());
    }
    return place;
  }

  @Override
  public void close() {
    open.values().forEach(Safetensors::close);
    open.clear();
  }
}
