package org.refusal.io;

/** Bit patterns of the two 16-bit floating formats. Rounding is to nearest, ties to even, as torch does it. */
public final class FloatBits {
  private FloatBits() {}

  public static float fromBfloat16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  public static short toBfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) 0x7fc0;
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }

  public static float fromFloat16(short bits) {
    return Float.intBitsToFloat(widened(bits));
  }

  /** Value by value; without a branch, so that it keeps up with the memory. */
  public static void fromFloat16(short[] bits, float[] values) {
    for (int i = 0; i < bits.length; i++) {
      values[i] = Float.intBitsToFloat(widened(bits[i]));
    }
  }

  public static void fromBfloat16(short[] bits, float[] values) {
    for (int i = 0; i < bits.length; i++) {
      values[i] = fromBfloat16(bits[i]);
    }
  }

  /** Read as float32, a float16 without its sign is too small by 2^112, subnormal or not; only infinity and NaN need more. */
  private static int widened(short bits) {
    int magnitude = (bits & 0x7fff) << 13;
    int scaled = Float.floatToRawIntBits(Float.intBitsToFloat(magnitude) * 0x1p112f);
    int special = magnitude >= 0x7c00 << 13 ? 0x7f800000 : 0;
    return scaled | special | (bits & 0x8000) << 16;
  }

  public static short toFloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = (bits >>> 16) & 0x8000;
    int magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      return (short) (sign | 0x7e00);
    }
    if (magnitude >= 0x477ff000) { // rounds to 65520 or more: no finite float16
      return (short) (sign | 0x7c00);
    }
    if (magnitude < 0x38800000) { // below 2^-14: subnormal, a multiple of 2^-24
      return (short) (sign | (int) Math.rint(Float.intBitsToFloat(magnitude) * 0x1p24));
    }
    int rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return (short) (sign | (rounded - 0x38000000) >>> 13);
  }
}
