package org.refusal.report;

import java.util.List;
import java.util.Optional;
import org.refusal.run.RunManifest;

/** What one section may read: what it has declared, of what earlier stages left. */
public final class Readings {
  private final Section section;
  private final ReportSources sources;

  Readings(Section section, ReportSources sources) {
    this.section = section;
    this.sources = sources;
  }

  /**
   * Empty where it is not there.
   *
   * @throws IllegalStateException when the section has not declared it
   */
  public <T> Optional<T> get(Source<T> source) {
    if (!section.needs().contains(source) && !section.mayRead().contains(source)) {
      throw new IllegalStateException(
          "section '%s' reads the %s without declaring it".formatted(section.title(), source.name()));
    }
    return sources.get(source);
  }

  /** What {@link Section#needs} names, which is there when the section is written. */
  public <T> T need(Source<T> source) {
    return get(source)
        .orElseThrow(
            () -> new IllegalStateException(
                "section '%s' needs the %s and does not say so".formatted(section.title(), source.name())));
  }

  public String model() {
    return sources.model();
  }

  /** Every run, as its manifest has it. Manifests hold times: what is taken from them must not change with those. */
  List<RunManifest> history() {
    return RunManifest.all(sources.layout());
  }
}
