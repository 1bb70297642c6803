/**
 * Charts: a {@link org.refusal.plot.Figure} draws itself on a canvas of any size and is written as PNG and SVG. Fonts
 * come with the toolkit, so that charts look the same on a compute node that has none.
 */
package org.refusal.plot;
