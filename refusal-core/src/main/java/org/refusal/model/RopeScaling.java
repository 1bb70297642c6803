package org.refusal.model;

/**
 * The frequency scaling of Llama 3.1: wavelengths beyond {@code originalMaxPositions / lowFreqFactor} are stretched by
 * the factor, those below {@code originalMaxPositions / highFreqFactor} are kept, those between are interpolated.
 */
public record RopeScaling(double factor, double lowFreqFactor, double highFreqFactor, int originalMaxPositions) {

  /** The scaled frequency (radians per position). */
  public double scale(double frequency) {
    double wavelength = 2 * Math.PI / frequency;
    if (wavelength > originalMaxPositions / lowFreqFactor) {
      return frequency / factor;
    }
    if (wavelength < originalMaxPositions / highFreqFactor) {
      return frequency;
    }
    double smooth = (originalMaxPositions / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
    return (1 - smooth) * frequency / factor + smooth * frequency;
  }
}
