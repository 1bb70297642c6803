package org.refusal.train;

import java.util.Arrays;

/** The inner loops on rows of row-major float matrices, written so that the compiler makes vector code of them. */
final class Kernels {
  /** The upper bits of a positive float by which values are binned: exponent and three bits of the mantissa. */
  private static final int BIN_SHIFT = 20;

  private static final int BINS = 1 << (31 - BIN_SHIFT);

  private Kernels() {}

  static void addOne(float[] out, int p, float[] m, int r, float a, int width) {
    for (int i = 0; i < width; i++) {
      out[p + i] += a * m[r + i];
    }
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
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int i = from;
    int end = from + count;
    for (; i + 3 < end; i += 4) {
      a += (double) values[i] * values[i];
      b += (double) values[i + 1] * values[i + 1];
      c += (double) values[i + 2] * values[i + 2];
      d += (double) values[i + 3] * values[i + 3];
    }
    for (; i < end; i++) {
      a += (double) values[i] * values[i];
    }
    return (a + b) + (c + d);
  }

  static void scale(float[] values, int from, int count, float factor) {
    for (int i = from; i < from + count; i++) {
      values[i] *= factor;
    }
  }

  /**
   * The k largest positive values among {@code values[base + c]}, c from {@code candidates} (ascending; null:
   * {@code 0 .. n - 1}); of equal ones those with the smaller index. Positive floats are ordered like their bits: a
   * histogram of the upper bits finds the bin in which the k-th lies, and only that bin is sorted. Time grows with n.
   *
   * @param indices the chosen c are written from {@code at} on, ascending
   * @return how many were found, at most k
   */
  static int topPositive(
      float[] values, int base, int[] candidates, int n, int k, int[] indices, float[] chosen, int at) {
    int[] bits = new int[n]; // of the positive values; 0 or less for the others
    for (int c = 0; c < n; c++) {
      bits[c] = Float.floatToRawIntBits(values[base + (candidates == null ? c : candidates[c])]);
    }
    int[] near = new int[n + 1]; // candidates of the bin that holds the k-th, or above
    int found = atLeastBin(bits, boundary(bits, k), near);
    int[] sorted = new int[found];
    for (int j = 0; j < found; j++) {
      sorted[j] = bits[near[j]];
    }
    int least = 1; // bits of the least value that is taken
    int ofLeast = n; // how many of that value are taken
    if (found > k) {
      Arrays.sort(sorted);
      least = sorted[found - k];
      int larger = found - k;
      while (larger < found && sorted[larger] == least) {
        larger++;
      }
      ofLeast = k - (found - larger);
    }
    int size = 0;
    for (int j = 0; j < found; j++) {
      int key = bits[near[j]];
      if (key > least || key == least && ofLeast-- > 0) {
        int index = candidates == null ? near[j] : candidates[near[j]];
        indices[at + size] = index;
        chosen[at + size] = values[base + index];
        size++;
      }
    }
    return size;
  }

  /** The bin that holds the k-th largest of the bits; 0 when there are fewer that are positive. */
  private static int boundary(int[] bits, int k) {
    int[] even = new int[BINS]; // two histograms, since increments of one cell wait for each other
    int[] odd = new int[BINS];
    int largest = 0;
    int c = 0;
    for (; c + 1 < bits.length; c += 2) {
      even[Math.max(0, bits[c]) >>> BIN_SHIFT]++;
      odd[Math.max(0, bits[c + 1]) >>> BIN_SHIFT]++;
      largest = Math.max(largest, Math.max(bits[c], bits[c + 1]));
    }
    if (c < bits.length) {
      even[Math.max(0, bits[c]) >>> BIN_SHIFT]++;
      largest = Math.max(largest, bits[c]);
    }
    int bin = largest >>> BIN_SHIFT;
    int above = 0;
    while (bin > 0 && above + even[bin] + odd[bin] < k) {
      above += even[bin] + odd[bin];
      bin--;
    }
    return bin;
  }

  /** Writes the places of positive bits in that bin or above, ascending; returns their number. */
  private static int atLeastBin(int[] bits, int bin, int[] places) {
    int least = Math.max(1, bin << BIN_SHIFT);
    int found = 0;
    for (int c = 0; c < bits.length; c++) {
      places[found] = c;
      found += bits[c] >= least ? 1 : 0;
    }
    return found;
  }
}
