package org.refusal.report;

import java.util.List;

/**
 * One section of the report. The report's loop ({@link Report}) writes the heading, says what is missing and takes from here
 * which files the stage depends on; a section reads nothing that it has not declared.
 */
public interface Section {
  /** Its heading. A section that writes nothing has none in the report. */
  String title();

  /** What it cannot be written without. */
  List<Source<?>> needs();

  /** What else it reads where it is there. */
  default List<Source<?>> mayRead() {
    return List.of();
  }

  default boolean hasHeading() {
    return true;
  }

  /** Called where everything that it {@link #needs} is there. */
  void write(Readings sources, ReportPage page);

  /** Stands in its place where something that it needs is not there. */
  default void writeWithout(ReportPage page) {}
}
