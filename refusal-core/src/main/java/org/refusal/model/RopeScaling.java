package org.refusal.model;

import java.util.List;

/** How the rotary frequencies of a model differ from powers of theta alone, as transformers 5.24 computes them. */
public sealed interface RopeScaling {
  RopeScaling NONE = new None();

  /**
   * The i-th frequency (radians per position).
   *
   * @param beyond whether the text is longer than {@link #boundary}
   */
  double frequency(int i, Rotary rotary, boolean beyond);

  /** What cosines and sines are multiplied by. */
  default double amplitude() {
    return 1;
  }

  /** Tokens beyond which the whole text has other frequencies; the largest int where it never has. */
  default int boundary() {
    return Integer.MAX_VALUE;
  }

  /** Powers of theta alone. Within max_position_embeddings, that is what dynamic scaling is, too. */
  record None() implements RopeScaling {
    @Override
    public double frequency(int i, Rotary rotary, boolean beyond) {
      return rotary.plainFrequency(i);
    }
  }

  /** All frequencies divided by the factor: positions are interpolated (Chen et al. 2023, arXiv 2306.15595). */
  record Linear(double factor) implements RopeScaling {
    @Override
    public double frequency(int i, Rotary rotary, boolean beyond) {
      return rotary.plainFrequency(i) / factor;
    }
  }

  /**
   * The frequency scaling of Llama 3.1: wavelengths beyond {@code originalMaxPositions / lowFreqFactor} are stretched by
   * the factor, those below {@code originalMaxPositions / highFreqFactor} are kept, those between are interpolated.
   */
  record Llama3(double factor, double lowFreqFactor, double highFreqFactor, double originalMaxPositions)
      implements RopeScaling {
    @Override
    public double frequency(int i, Rotary rotary, boolean beyond) {
      double frequency = rotary.plainFrequency(i);
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

  /**
   * YaRN (Peng et al. 2023, arXiv 2309.00071): frequencies that turn more than {@code betaFast} times within the original
   * length are kept, those that turn less than {@code betaSlow} times are divided by the factor, and between the two the
   * share of either changes linearly with the number of the frequency.
   *
   * @param truncate whether the ends of that ramp are whole numbers
   */
  record Yarn(
      double factor, double originalMaxPositions, double betaFast, double betaSlow, boolean truncate, double amplitude)
      implements RopeScaling {
    /** Keeps a ramp of no length from being a division by 0. */
    private static final double SHORTEST_RAMP = .001;

    @Override
    public double frequency(int i, Rotary rotary, boolean beyond) {
      double low = numberOf(betaFast, rotary);
      double high = numberOf(betaSlow, rotary);
      if (truncate) {
        low = Math.floor(low);
        high = Math.ceil(high);
      }
      low = Math.max(low, 0);
      high = Math.min(high, rotary.width() - 1);
      double ramp = (i - low) / (low == high ? SHORTEST_RAMP : high - low);
      double interpolated = Math.min(1, Math.max(0, ramp));
      double frequency = rotary.plainFrequency(i);
      return interpolated * frequency / factor + (1 - interpolated) * frequency;
    }

    /** Which frequency, in fractions, turns so often within the original length. */
    private double numberOf(double turns, Rotary rotary) {
      return rotary.width() * Math.log(originalMaxPositions / (turns * 2 * Math.PI)) / (2 * Math.log(rotary.theta()));
    }

    /** 0.1 m ln(factor) + 1, the paper's, with m 1 where nothing else is said. */
    static double amplitude(double factor, double m) {
      return factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1;
    }
  }

  /**
   * LongRoPE (Ding et al. 2024, arXiv 2402.13753): every frequency divided by a factor of its own. Texts of more than
   * {@code originalMaxPositions} tokens have the long factors, at all of their positions, others the short ones.
   */
  record LongRope(List<Double> shortFactors, List<Double> longFactors, int originalMaxPositions, double amplitude)
      implements RopeScaling {
    public LongRope {
      shortFactors = List.copyOf(shortFactors);
      longFactors = List.copyOf(longFactors);
    }

    @Override
    public double frequency(int i, Rotary rotary, boolean beyond) {
      return rotary.plainFrequency(i) / (beyond ? longFactors : shortFactors).get(i);
    }

    @Override
    public int boundary() {
      return originalMaxPositions;
    }

    /** sqrt(1 + ln(factor) / ln(original length)). */
    static double amplitude(double factor, double originalMaxPositions) {
      return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalMaxPositions));
    }
  }
}
