package org.refusal.model;

/**
 * Rotary positions of a layer (Su et al. 2021, arXiv 2104.09864): components i and i + width / 2 of a head turn by position
 * times frequency i.
 *
 * @param width components that are rotated, the first of every head
 * @param theta base: without scaling, frequency i is theta^(-2 i / width)
 */
public record Rotary(int width, double theta, RopeScaling scaling) {

  /** Radians per position {@code [width / 2]}. @param beyond see {@link RopeScaling#boundary} */
  double[] frequencies(boolean beyond) {
    double[] frequencies = new double[width / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = scaling.frequency(i, this, beyond);
    }
    return frequencies;
  }

  /** Without scaling. */
  double plainFrequency(int i) {
    return Math.pow(theta, -2.0 * i / width);
  }
}
