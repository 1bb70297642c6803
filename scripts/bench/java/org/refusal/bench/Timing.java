package org.refusal.bench;

import java.util.Arrays;

/** Wall-clock times of two sides, measured in turn so that a disturbance of the machine meets both. */
record Timing(double ours, double baseline) {

  /**
   * Medians in seconds. Both sides run once before, unmeasured, unless {@code warmUp} is false.
   *
   * @param repeats measurements of each side
   */
  static Timing of(int repeats, boolean warmUp, Runnable ours, Runnable baseline) {
    if (warmUp) {
      ours.run();
      baseline.run();
    }
    double[] first = new double[repeats];
    double[] second = new double[repeats];
    for (int i = 0; i < repeats; i++) {
      first[i] = seconds(ours);
      second[i] = seconds(baseline);
    }
    return new Timing(median(first), median(second));
  }

  static double seconds(Runnable work) {
    long from = System.nanoTime();
    work.run();
    return (System.nanoTime() - from) / 1e9;
  }

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
}
