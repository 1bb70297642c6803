package org.refusal.model;

/** How the rotary frequencies of a model differ from powers of theta alone. */
public sealed interface RopeScaling {

  /** The scaled frequency (radians per position). */
  double scale(double frequency);

  /** All frequencies divided by the factor: positions are interpolated (Chen et al. 2023, arXiv 2306.15595). */
  record Linear(double factor) implements RopeScaling {
    @Override
    public double scale(double frequency) {
      return frequency / factor;
    }
  }

  /**
   * The frequency scaling of Llama 3.1: wavelengths beyond {@code originalMaxPositions / lowFreqFactor} are stretched by
   * the factor, those below {@code originalMaxPositions / highFreqFactor} are kept, those between are interpolated.
   */
  record Llama3(double factor, double lowFreqFactor, double highFreqFactor, double originalMaxPositions)
      implements RopeScaling {
    @Override
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
}
