package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;
import org.refusal.attribution.AttributionCheck;
import org.refusal.base.AtomicFiles;
import org.refusal.circuit.Circuit;
import org.refusal.circuit.CircuitJson;
import org.refusal.circuit.HookPoint;
import org.refusal.collected.CollectReport;
import org.refusal.collected.OriginalFiles;
import org.refusal.compare.SimilarityFile;
import org.refusal.evaluation.CategoryMetrics;
import org.refusal.evaluation.TransferFile;
import org.refusal.io.Json;
import org.refusal.run.ResultLayout;

/**
 * One part of what earlier stages left: its files, and how they are read. Sections name the sources that they read; a source of
 * one section alone may be declared beside that section.
 *
 * @param <T> what is read from the files
 */
public final class Source<T> {
  /** Beside a category's name in the names of circuit files. */
  private static final List<String> CIRCUIT_SUFFIXES = List.of("", "_toxic", "_safe");

  public static final Source<CollectReport> COLLECT =
      file(
          "report of collect", "behaviour of the model (`refusal collect`)",
          sources -> sources.layout().collectReport(sources.model()), file -> Json.read(file, CollectReport.class));

  public static final Source<List<AttributionCheck>> CHECKS =
      file(
          "attribution check", "circuits (`refusal discover`)",
          sources -> sources.layout().attributionCheck(sources.model()), AttributionCheck::read);

  public static final Source<SimilarityFile> SIMILARITY =
      file(
          "similarity file", "similarity of circuits (`refusal analyze`)",
          sources -> sources.layout().similarity(sources.model()), SimilarityFile::read);

  public static final Source<TransferFile> TRANSFER =
      file(
          "transfer file", "causal transfer (`refusal evaluate`)", sources -> sources.layout().transfer(sources.model()),
          TransferFile::read);

  public static final Source<JsonNode> STATS =
      file(
          "statistics file", "verdict and statistics (`refusal stats`)", sources -> sources.layout().stats(sources.model()),
          file -> with(file, "verdict"));

  /** Of planted models: beside the checkpoint's files, or beside its folder. */
  public static final Source<JsonNode> TRUTH =
      new Source<>(
          "planted truth", null, sources -> truth(sources).stream().toList(),
          sources -> truth(sources).map(file -> with(file, "verdict")));

  /** By file suffix after the category ({@code _toxic}), then by category. */
  public static final Source<Map<String, Map<String, Circuit>>> CIRCUITS =
      ofCategories(
          "circuits", null, (sources, category) -> circuitFiles(sources, category),
          sources -> {
            Map<String, Map<String, Circuit>> circuits = new LinkedHashMap<>();
            for (String suffix : CIRCUIT_SUFFIXES) {
              for (String category : sources.categories()) {
                sources
                    .read(circuitFile(sources, category, suffix), CircuitJson::read)
                    .ifPresent(
                        file ->
                            circuits.computeIfAbsent(suffix, key -> new LinkedHashMap<>()).put(category, file.circuit()));
              }
            }
            return circuits.isEmpty() ? Optional.empty() : Optional.of(circuits);
          });

  /** By category; without files that the original project wrote under the same name. */
  public static final Source<Map<String, CategoryMetrics>> METRICS =
      ofCategories(
          "metrics of evaluate",
          "faithfulness and side effects (`refusal evaluate`, when there is something to evaluate)",
          (sources, category) -> List.of(sources.layout().evaluation(sources.model(), category)),
          sources -> {
            Map<String, CategoryMetrics> metrics = new LinkedHashMap<>();
            for (String category : sources.categories()) {
              Path file = sources.layout().evaluation(sources.model(), category);
              if (sources.lineage().isCurrent(file) && !OriginalFiles.isCurve(Json.readPython(file))) {
                metrics.put(category, CategoryMetrics.read(file));
              }
            }
            return metrics.isEmpty() ? Optional.empty() : Optional.of(metrics);
          });

  /** metrics.json of every autoencoder, in forward order. */
  public static final Source<Map<HookPoint, JsonNode>> AUTOENCODERS =
      new Source<>(
          "metrics of the autoencoders", "quality of the autoencoders (`refusal train-saes`)",
          sources -> List.copyOf(autoencoders(sources).values()),
          sources -> {
            Map<HookPoint, JsonNode> read = new TreeMap<>();
            autoencoders(sources).forEach((at, file) -> read.put(at, Json.read(file)));
            return read.isEmpty() ? Optional.empty() : Optional.of(read);
          });

  private final String name;
  private final String missing;
  private final Function<ReportSources, List<Path>> files;
  private final Function<ReportSources, Optional<T>> reader;

  /**
   * @param name for messages
   * @param missing what the report says where it is not there, or null when nothing is missed then
   * @param files every file that the reader may open; those that are not there do no harm
   * @param reader empty where it is not there
   */
  public Source(
      String name,
      String missing,
      Function<ReportSources, List<Path>> files,
      Function<ReportSources, Optional<T>> reader) {
    this.name = name;
    this.missing = missing;
    this.files = files;
    this.reader = reader;
  }

  /** A single file. */
  public static <T> Source<T> file(
      String name, String missing, Function<ReportSources, Path> file, Function<Path, T> reader) {
    return new Source<>(
        name, missing, sources -> List.of(file.apply(sources)), sources -> sources.read(file.apply(sources), reader));
  }

  /** Files of every category; those that tell the categories are read, too. */
  public static <T> Source<T> ofCategories(
      String name,
      String missing,
      BiFunction<ReportSources, String, List<Path>> files,
      Function<ReportSources, Optional<T>> reader) {
    return new Source<>(
        name, missing,
        sources ->
            Stream.concat(
                    Stream.of(COLLECT, TRANSFER, STATS).flatMap(source -> source.files(sources).stream()),
                    sources.categories().stream().flatMap(category -> files.apply(sources, category).stream()))
                .toList(),
        reader);
  }

  public String name() {
    return name;
  }

  Optional<String> missing() {
    return Optional.ofNullable(missing);
  }

  List<Path> files(ReportSources sources) {
    return files.apply(sources);
  }

  Optional<T> read(ReportSources sources) {
    return reader.apply(sources);
  }

  /** Every circuit file that a category may have. */
  public static List<Path> circuitFiles(ReportSources sources, String category) {
    return CIRCUIT_SUFFIXES.stream().map(suffix -> circuitFile(sources, category, suffix)).toList();
  }

  private static Path circuitFile(ReportSources sources, String category, String suffix) {
    return sources.layout().circuitsFolder().resolve(ResultLayout.circuitFile(sources.model(), category, suffix));
  }

  private static JsonNode with(Path file, String key) {
    JsonNode node = Json.read(file);
    if (!node.has(key)) {
      throw Json.damaged(file + ": not the file that is expected here: no key '" + key + "'");
    }
    return node;
  }

  private static Optional<Path> truth(ReportSources sources) {
    Path folder = sources.modelFolder();
    return Files.isDirectory(folder)
        ? Stream.of(folder.resolve("truth.json"), folder.toAbsolutePath().resolveSibling("truth.json"))
            .filter(Files::isRegularFile)
            .findFirst()
        : Optional.empty();
  }

  private static Map<HookPoint, Path> autoencoders(ReportSources sources) {
    Path folder = sources.layout().sae(sources.model(), HookPoint.residuals(0)).getParent();
    if (!Files.isDirectory(folder)) {
      return Map.of();
    }
    Map<HookPoint, Path> files = new TreeMap<>();
    try (Stream<Path> all = Files.list(folder)) {
      all.map(ResultLayout::saeMetrics)
          .filter(sources.lineage()::isCurrent)
          .forEach(file -> files.put(HookPoint.parse(file.getParent().getFileName().toString()), file));
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(folder, e);
    }
    return files;
  }
}
