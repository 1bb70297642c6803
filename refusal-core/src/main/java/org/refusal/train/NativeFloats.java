package org.refusal.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/** Memory outside the heap that Java writes and libtorch reads, without a copy between them. */
final class NativeFloats {
  private final ByteBuffer bytes;
  private final FloatBuffer floats;
  private final IntBuffer ints;

  /** Room for so many floats or ints. */
  NativeFloats(int size) {
    bytes = ByteBuffer.allocateDirect(Math.multiplyExact(size, Float.BYTES)).order(ByteOrder.nativeOrder());
    floats = bytes.asFloatBuffer();
    ints = bytes.asIntBuffer();
  }

  /** For absolute access; its position is nobody's. */
  FloatBuffer floats() {
    return floats;
  }

  IntBuffer ints() {
    return ints;
  }

  /** The first floats as an array that shares the memory. */
  NDArray array(NDManager manager, long... shape) {
    return slice(manager, 0, DataType.FLOAT32, new Shape(shape));
  }

  /** Floats {@code from .. to - 1} as a vector. */
  NDArray vector(NDManager manager, int from, int to) {
    return slice(manager, from, DataType.FLOAT32, new Shape(to - from));
  }

  /** Ints {@code from .. to - 1} as a vector. */
  NDArray intVector(NDManager manager, int from, int to) {
    return slice(manager, from, DataType.INT32, new Shape(to - from));
  }

  private NDArray slice(NDManager manager, int from, DataType type, Shape shape) {
    int size = Math.toIntExact(shape.size());
    ByteBuffer part = bytes.duplicate().position(from * Float.BYTES).limit((from + size) * Float.BYTES).slice();
    return manager.create(part.order(ByteOrder.nativeOrder()), shape, type);
  }

  /** What libtorch computed, for reading while the array is open. */
  static FloatBuffer view(NDArray array) {
    return array.toByteBuffer(true).order(ByteOrder.nativeOrder()).asFloatBuffer();
  }
}
