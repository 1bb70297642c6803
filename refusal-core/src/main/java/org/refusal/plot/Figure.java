package org.refusal.plot;

import java.awt.Graphics2D;

/** Something that draws itself; sizes in points (1/72 inch), origin at the top left. */
public interface Figure {
  double width();

  double height();

  void draw(Graphics2D canvas);
}
