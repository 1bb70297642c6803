package org.refusal.plot;

import java.awt.Color;
import java.util.List;
import org.refusal.base.UserException;

/**
 * Colours of a chart.
 *
 * @param series colours of series in order; distinguishable with the common forms of colour blindness (Okabe and Ito)
 */
public record Theme(Color background, Color ink, Color faint, List<Color> series) {
  private static final List<Color> OKABE_ITO =
      List.of(
          new Color(0x0072B2),
          new Color(0xD55E00),
          new Color(0x009E73),
          new Color(0xCC79A7),
          new Color(0xE69F00),
          new Color(0x56B4E9),
          new Color(0x7A5195),
          new Color(0x666666),
          new Color(0x8C6D31),
          new Color(0xA6B8C7),
          new Color(0x1F3B2D));

  public static final Theme LIGHT =
      new Theme(Color.WHITE, new Color(0x222222), new Color(0xDDDDDD), OKABE_ITO);
  public static final Theme DARK =
      new Theme(new Color(0x1B1E23), new Color(0xE6E6E6), new Color(0x3A3F47), OKABE_ITO);
  /** Black on white with heavier guides, for paper. */
  public static final Theme PRINT = new Theme(Color.WHITE, Color.BLACK, new Color(0xBBBBBB), OKABE_ITO);

  public static Theme named(String style) {
    return switch (style) {
      case "light", "default", "seaborn", "seaborn-v0_8", "seaborn-v0_8-darkgrid", "seaborn-v0_8-whitegrid",
          "seaborn-darkgrid", "seaborn-whitegrid", "ggplot" -> LIGHT;
      case "dark", "dark_background" -> DARK;
      case "print" -> PRINT;
      default -> throw UserException.badConfig("plots.style: '" + style + "' is none of light, dark, print");
    };
  }

  Color color(int index) {
    return series.get(index % series.size());
  }
}
