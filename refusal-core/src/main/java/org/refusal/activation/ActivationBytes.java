package org.refusal.activation;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.refusal.io.Safetensors.DType;

/** Floats as the bytes of a stored type, little endian, rounded to nearest even. */
public final class ActivationBytes {
  private ActivationBytes() {}

  /** @return {@code values.length * dtype.bytes()} bytes, ready to be read */
  public static ByteBuffer encode(float[] values, DType dtype) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, dtype.bytes())).order(ByteOrder.LITTLE_ENDIAN);
    switch (dtype) {
      case F32 -> bytes.asFloatBuffer().put(values);
      case F64 -> {
        for (int i = 0; i < values.length; i++) {
          bytes.putDouble(i * Double.BYTES, values[i]);
        }
      }
      case BF16 -> {
        for (int i = 0; i < values.length; i++) {
          bytes.putShort(i * Short.BYTES, bfloat16(values[i]));
        }
      }
      case F16 -> {
        for (int i = 0; i < values.length; i++) {
          bytes.putShort(i * Short.BYTES, float16(values[i]));
        }
      }
      default -> throw new IllegalArgumentException(dtype + " is no floating type");
    }
    return bytes;
  }

  /** Float64 values as F64 bytes. */
  public static ByteBuffer encode(double[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.length, Double.BYTES)).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asDoubleBuffer().put(values);
    return bytes;
  }

  static short bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }

  static short float16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = bits >>> 16 & 0x8000;
    if (Float.isNaN(value)) {
      return (short) (sign | 0x7e00);
    }
    float magnitude = Math.abs(value);
    if (magnitude >= 65520f) {
      return (short) (sign | 0x7c00);
    }
    if (magnitude < 0x1p-14f) {
      return (short) (sign | (int) Math.rint((double) magnitude * 0x1p24));
    }
    int rebased = (bits & 0x7fffffff) - (112 << 23);
    return (short) (sign | rebased + 0xfff + (rebased >>> 13 & 1) >>> 13);
  }
}
