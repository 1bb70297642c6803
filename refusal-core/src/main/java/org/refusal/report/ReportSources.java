package org.refusal.report;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;

/**
 * The results folder as the report sees it. Every part may be missing; what an earlier run of a stage has left over beside its
 * latest one does not count. Each source is read once.
 */
public final class ReportSources {
  private final ResultLayout layout;
  private final String model;
  private final Path modelFolder;
  private final Lineage lineage;
  private final Map<Source<?>, Optional<?>> known = new LinkedHashMap<>();

  /** @param modelFolder the checkpoint when it was given as a folder: planted models have their truth there */
  public ReportSources(ResultLayout layout, String model, Path modelFolder, Lineage lineage) {
    this.layout = layout;
    this.model = model;
    this.modelFolder = modelFolder;
    this.lineage = lineage;
  }

  public ResultLayout layout() {
    return layout;
  }

  public String model() {
    return model;
  }

  public Lineage lineage() {
    return lineage;
  }

  Path modelFolder() {
    return modelFolder;
  }

  /** The values have the source's type: {@link #get} alone adds them. */
  @SuppressWarnings("unchecked")
  <T> Optional<T> get(Source<T> source) {
    Optional<?> value = known.get(source);
    if (value == null) {
      value = source.read(this);
      known.put(source, value);
    }
    return (Optional<T>) value;
  }

  /** Empty where the file is not there, or left over from an earlier run. */
  public <T> Optional<T> read(Path file, Function<Path, T> reader) {
    return lineage.isCurrent(file) ? Optional.of(reader.apply(file)) : Optional.empty();
  }

  /** In the order of the stage that knows them first. */
  public List<String> categories() {
    Set<String> categories = new LinkedHashSet<>();
    get(Source.COLLECT).ifPresent(collect -> categories.addAll(collect.categories().keySet()));
    get(Source.TRANSFER).ifPresent(transfer -> categories.addAll(transfer.categories()));
    get(Source.STATS).ifPresent(
        stats -> stats.path("tests").path("categories").forEach(category -> categories.add(category.asText())));
    return List.copyOf(categories);
  }
}
