package org.refusal.sae;

/** The inner loops on rows of row-major float matrices, written so that the compiler makes vector code of them. */
final class Kernels {
  /** Some of a second-level cache. */
  private static final long CACHE_BYTES = 2 << 20;

  private Kernels() {}

  /**
   * {@code out[outRow] += sum_j coefficients[j] * matrix[rows[j]]} for j in {@code from .. to - 1}, in that order, in
   * columns {@code first .. end - 1}.
   */
  static void addRows(
      float[] out, int outRow, float[] matrix, int[] rows, float[] coefficients, int from, int to, int width, int first,
      int end) {
    int p = outRow * width + first;
    int count = end - first;
    int j = from;
    for (; j + 3 < to; j += 4) {
      addFour(
          out, p, matrix, rows[j] * width + first, rows[j + 1] * width + first, rows[j + 2] * width + first,
          rows[j + 3] * width + first, coefficients[j], coefficients[j + 1], coefficients[j + 2], coefficients[j + 3],
          count);
    }
    for (; j < to; j++) {
      addOne(out, p, matrix, rows[j] * width + first, coefficients[j], count);
    }
  }

  private static void addFour(
      float[] out, int p, float[] m, int r0, int r1, int r2, int r3, float a0, float a1, float a2, float a3, int width) {
    for (int i = 0; i < width; i++) {
      out[p + i] += a0 * m[r0 + i] + a1 * m[r1 + i] + a2 * m[r2 + i] + a3 * m[r3 + i];
    }
  }

  static void addOne(float[] out, int p, float[] m, int r, float a, int width) {
    for (int i = 0; i < width; i++) {
      out[p + i] += a * m[r + i];
    }
  }

  /** {@code out[j] += x[xRow] . matrix[rows[j]]} over columns {@code first .. end - 1}, j in {@code from .. to - 1}. */
  static void dotRows(
      float[] out, float[] x, int xRow, float[] matrix, int[] rows, int from, int to, int width, int first, int end) {
    int p = xRow * width + first;
    int count = end - first;
    int j = from;
    for (; j + 3 < to; j += 4) {
      dotFour(
          out, j, x, p, matrix, rows[j] * width + first, rows[j + 1] * width + first, rows[j + 2] * width + first,
          rows[j + 3] * width + first, count);
    }
    for (; j < to; j++) {
      out[j] += dot(x, p, matrix, rows[j] * width + first, count);
    }
  }

  /** Does something for blocks of columns, so narrow that a block of so many rows stays in a core's cache. */
  static void forColumnBlocks(int width, int rows, ColumnBlock work) {
    long fit = Math.max(128, CACHE_BYTES / Float.BYTES / Math.max(1, rows));
    int blocks = (int) ((width + fit - 1) / fit);
    for (int block = 0; block < blocks; block++) {
      work.run((int) ((long) width * block / blocks), (int) ((long) width * (block + 1) / blocks));
    }
  }

  @FunctionalInterface
  interface ColumnBlock {
    /** Works on columns {@code first .. end - 1}. */
    void run(int first, int end);
  }

  private static void dotFour(
      float[] out, int j, float[] x, int p, float[] m, int r0, int r1, int r2, int r3, int width) {
    float a0 = 0;
    float a1 = 0;
    float a2 = 0;
    float a3 = 0;
    float b0 = 0;
    float b1 = 0;
    float b2 = 0;
    float b3 = 0;
    int i = 0;
    for (; i + 1 < width; i += 2) {
      float u = x[p + i];
      float v = x[p + i + 1];
      a0 = Math.fma(u, m[r0 + i], a0);
      a1 = Math.fma(u, m[r1 + i], a1);
      a2 = Math.fma(u, m[r2 + i], a2);
      a3 = Math.fma(u, m[r3 + i], a3);
      b0 = Math.fma(v, m[r0 + i + 1], b0);
      b1 = Math.fma(v, m[r1 + i + 1], b1);
      b2 = Math.fma(v, m[r2 + i + 1], b2);
      b3 = Math.fma(v, m[r3 + i + 1], b3);
    }
    if (i < width) {
      float u = x[p + i];
      a0 = Math.fma(u, m[r0 + i], a0);
      a1 = Math.fma(u, m[r1 + i], a1);
      a2 = Math.fma(u, m[r2 + i], a2);
      a3 = Math.fma(u, m[r3 + i], a3);
    }
    out[j] += a0 + b0;
    out[j + 1] += a1 + b1;
    out[j + 2] += a2 + b2;
    out[j + 3] += a3 + b3;
  }

  static float dot(float[] x, int p, float[] m, int r, int width) {
    float a0 = 0;
    float a1 = 0;
    float a2 = 0;
    float a3 = 0;
    int i = 0;
    for (; i + 3 < width; i += 4) {
      a0 = Math.fma(x[p + i], m[r + i], a0);
      a1 = Math.fma(x[p + i + 1], m[r + i + 1], a1);
      a2 = Math.fma(x[p + i + 2], m[r + i + 2], a2);
      a3 = Math.fma(x[p + i + 3], m[r + i + 3], a3);
    }
    for (; i < width; i++) {
      a0 = Math.fma(x[p + i], m[r + i], a0);
    }
    return a0 + a1 + (a2 + a3);
  }

  static double squares(float[] values, int from, int count) {
    double even = 0;
    double odd = 0;
    int i = from;
    for (; i + 1 < from + count; i += 2) {
      even += (double) values[i] * values[i];
      odd += (double) values[i + 1] * values[i + 1];
    }
    if (i < from + count) {
      even += (double) values[i] * values[i];
    }
    return even + odd;
  }

  static void scale(float[] values, int from, int count, float factor) {
    for (int i = from; i < from + count; i++) {
      values[i] *= factor;
    }
  }

  /**
   * The k largest positive values among {@code values[base + c]}, c from {@code candidates} (null: {@code 0 .. n - 1});
   * of equal ones those with the smaller index. Time grows with n, and with k log k.
   *
   * @param indices the chosen c are written from {@code at} on, in an order that depends on the values alone
   * @return how many were found, at most k
   */
  static int topPositive(
      float[] values, int base, int[] candidates, int n, int k, int[] indices, float[] chosen, int at) {
    int size = 0;
    for (int c = 0; c < n; c++) {
      int index = candidates == null ? c : candidates[c];
      float value = values[base + index];
      if (!(value > 0)) {
        continue;
      }
      if (size < k) {
        chosen[at + size] = value;
        indices[at + size] = index;
        size++;
        if (size == k) {
          for (int root = k / 2 - 1; root >= 0; root--) {
            siftDown(chosen, indices, at, k, root);
          }
        }
      } else if (value > chosen[at]) {
        chosen[at] = value;
        indices[at] = index;
        siftDown(chosen, indices, at, k, 0);
      }
    }
    return size;
  }

  private static void siftDown(float[] values, int[] indices, int at, int size, int root) {
    float value = values[at + root];
    int index = indices[at + root];
    int hole = root;
    while (true) {
      int child = 2 * hole + 1;
      if (child >= size) {
        break;
      }
      if (child + 1 < size
          && weaker(values[at + child + 1], indices[at + child + 1], values[at + child], indices[at + child])) {
        child++;
      }
      if (!weaker(values[at + child], indices[at + child], value, index)) {
        break;
      }
      values[at + hole] = values[at + child];
      indices[at + hole] = indices[at + child];
      hole = child;
    }
    values[at + hole] = value;
    indices[at + hole] = index;
  }

  private static boolean weaker(float value, int index, float otherValue, int otherIndex) {
    return value < otherValue || value == otherValue && index > otherIndex;
  }
}
