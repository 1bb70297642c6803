package org.refusal.report;

import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** The report as a loop over its sections. */
public final class Report {
  private final List<Section> sections;

  /** @param sections in the order in which they stand in the report */
  public Report(List<Section> sections) {
    this.sections = List.copyOf(sections);
  }

  /**
   * Every file that the sections read and that is there, manifests left out: they hold times, and the report is to be the
   * same again.
   */
  public List<Path> files(ReportSources sources) {
    return sections.stream()
        .flatMap(section -> Stream.concat(section.needs().stream(), section.mayRead().stream()))
        .distinct()
        .flatMap(source -> source.files(sources).stream())
        .distinct()
        .filter(sources.lineage()::isCurrent)
        .toList();
  }

  /** Writes every section whose sources are there, and last what is missing. */
  public void write(String title, ReportSources sources, ReportPage page) {
    page.text().heading(1, title);
    Set<String> missing = new LinkedHashSet<>();
    for (Section section : sections) {
      absent(section, sources)
          .ifPresentOrElse(
              source -> {
                section.writeWithout(page);
                source.missing().ifPresent(missing::add);
              },
              () -> write(section, sources, page));
    }
    if (!missing.isEmpty()) {
      page.text().heading(2, "What is missing");
      page.text().list(List.copyOf(missing));
    }
  }

  private static Optional<Source<?>> absent(Section section, ReportSources sources) {
    for (Source<?> source : section.needs()) {
      if (sources.get(source).isEmpty()) {
        return Optional.of(source);
      }
    }
    return Optional.empty();
  }

  static void write(Section section, ReportSources sources, ReportPage page) {
    page.begin(section.hasHeading() ? section.title() : null);
    section.write(new Readings(section, sources), page);
    page.begin(null);
  }
}
