package org.refusal.io;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Map;

/** A safetensors file, read through memory maps: opening costs the header only, whatever the file's size. */
public final class Safetensors implements AutoCloseable {

  /** Element types. */
  public enum DType {
    F64(8), F32(4), F16(2), BF16(2), I64(8), I32(4), I16(2), I8(1), U8(1), BOOL(1);

    private final int bytes;

    DType(int bytes) {
      this.bytes = bytes;
    }

    public int bytes() {
      return bytes;
    }
  }

  /** One tensor of the file; {@code begin} and {@code end} are byte offsets in the data section. */
  public record Entry(String name, DType dtype, long[] shape, long begin, long end) {
    public long elements() {
      long n = 1;
      for (long extent : shape) {
        n *= extent;
      }
      return n;
    }
  }

  /** A tensor in memory, row major, little endian. */
  public record Tensor(DType dtype, long[] shape, ByteBuffer data) {
    public static Tensor of(float[] values, long... shape) {
      throw new UnsupportedOperationException();
    }

    public static Tensor of(double[] values, long... shape) {
      throw new UnsupportedOperationException();
    }

    public static Tensor of(int[] values, long... shape) {
      throw new UnsupportedOperationException();
    }

    public static Tensor of(long[] values, long... shape) {
      throw new UnsupportedOperationException();
    }
  }

  /** Opens and checks the header: overlaps, sizes, truncation are bad data, named with the file. */
  public static Safetensors open(Path file) {
    throw new UnsupportedOperationException();
  }

  /** Writes a small file whole or not at all, tensors in the order given. Large ones: {@link SafetensorsWriter}. */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
    throw new UnsupportedOperationException();
  }

  public Path file() {
    throw new UnsupportedOperationException();
  }

  /** In the order of the data. */
  public Map<String, Entry> entries() {
    throw new UnsupportedOperationException();
  }

  public Map<String, String> metadata() {
    throw new UnsupportedOperationException();
  }

  public boolean has(String name) {
    throw new UnsupportedOperationException();
  }

  /** The entry, or bad data naming file and tensor. */
  public Entry entry(String name) {
    throw new UnsupportedOperationException();
  }

  /** A read-only view of part of a tensor's bytes; at most 2 GiB at once. */
  public ByteBuffer bytes(String name, long firstByte, int length) {
    throw new UnsupportedOperationException();
  }

  /** All elements of a floating tensor as float32. */
  public float[] floats(String name) {
    throw new UnsupportedOperationException();
  }

  /** Elements {@code from .. from + count - 1} of a floating tensor as float32. */
  public float[] floats(String name, long from, int count) {
    throw new UnsupportedOperationException();
  }

  public double[] doubles(String name) {
    throw new UnsupportedOperationException();
  }

  /** Elements of an I32 tensor (or an I64 one whose values fit). */
  public int[] ints(String name) {
    throw new UnsupportedOperationException();
  }

  public long[] longs(String name) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {
    throw new UnsupportedOperationException();
  }
}
