package org.refusal.plot;

import java.awt.Color;

/**
 * Values to colours by linear interpolation between stops spread evenly over {@code [low, high]}; values outside take
 * the end colours.
 */
public record ColorScale(double low, double high, Color... stops) {
  private static final Color BLUE = new Color(0x08519C);
  private static final Color LIGHT_BLUE = new Color(0x9ECAE1);
  private static final Color PALE = new Color(0xF7F7F7);
  private static final Color LIGHT_RED = new Color(0xFC9272);
  private static final Color RED = new Color(0xA50F15);

  public ColorScale {
    if (!(high > low)) {
      throw new IllegalArgumentException("an empty scale: " + low + " to " + high);
    }
  }

  /** White to deep blue. */
  public static ColorScale sequential(double low, double high) {
    return new ColorScale(low, high, PALE, LIGHT_BLUE, new Color(0x4292C6), BLUE, new Color(0x08306B));
  }

  /** Blue below zero, white at zero, red above, symmetric. */
  public static ColorScale diverging(double extent) {
    return new ColorScale(-extent, extent, BLUE, LIGHT_BLUE, PALE, LIGHT_RED, RED);
  }

  Color at(double value) {
    double position = (value - low) / (high - low) * (stops.length - 1);
    position = Math.max(0, Math.min(stops.length - 1.0, position));
    int index = Math.min((int) position, stops.length - 2);
    double share = position - index;
    Color from = stops[index];
    Color to = stops[index + 1];
    return new Color(
        mix(from.getRed(), to.getRed(), share),
        mix(from.getGreen(), to.getGreen(), share),
        mix(from.getBlue(), to.getBlue(), share));
  }

  private static int mix(int from, int to, double share) {
    return (int) Math.round(from + (to - from) * share);
  }

  /** Black or white, whichever reads better on the colour. */
  static Color inkOn(Color background) {
    double luminance =
        0.299 * background.getRed() + 0.587 * background.getGreen() + 0.114 * background.getBlue();
    return luminance > 140 ? new Color(0x222222) : Color.WHITE;
  }
}
