package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
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
import org.refusal.run.Lineage;
import org.refusal.run.ResultLayout;

/**
 * What the earlier stages left for the report. Every part may be missing; what an earlier run of a stage has left over beside
 * its latest one does not count.
 *
 * @param modelFolder the checkpoint when it was given as a folder: planted models have their truth there
 */
public record ReportSources(ResultLayout layout, String model, Path modelFolder, Lineage lineage) {
  static final List<String> CIRCUIT_SUFFIXES = List.of("", "_toxic", "_safe");

  private <T> Optional<T> read(Path file, Function<Path, T> reader) {
    return lineage.isCurrent(file) ? Optional.of(reader.apply(file)) : Optional.empty();
  }

  public Optional<CollectReport> collect() {
    return read(layout.collectReport(model), file -> Json.read(file, CollectReport.class));
  }

  public Optional<List<AttributionCheck>> checks() {
    return read(layout.attributionCheck(model), AttributionCheck::read);
  }

  public Optional<SimilarityFile> similarity() {
    return read(layout.similarity(model), SimilarityFile::read);
  }

  public Optional<TransferFile> transfer() {
    return read(layout.transfer(model), TransferFile::read);
  }

  public Optional<JsonNode> stats() {
    return read(layout.stats(model), file -> with(file, "verdict"));
  }

  public Optional<JsonNode> truth() {
    return truthFile().map(file -> with(file, "verdict"));
  }

  private static JsonNode with(Path file, String key) {
    JsonNode node = Json.read(file);
    if (!node.has(key)) {
      throw Json.damaged(file + ": not the file that is expected here: no key '" + key + "'");
    }
    return node;
  }

  /** Beside the checkpoint's files, or beside its folder. */
  private Optional<Path> truthFile() {
    if (!Files.isDirectory(modelFolder)) {
      return Optional.empty();
    }
    return Stream.of(modelFolder.resolve("truth.json"), modelFolder.toAbsolutePath().resolveSibling("truth.json"))
        .filter(Files::isRegularFile)
        .findFirst();
  }

  /** By file suffix after the category ({@code _toxic}), then by category. */
  public Map<String, Map<String, Circuit>> circuits() {
    Map<String, Map<String, Circuit>> circuits = new LinkedHashMap<>();
    for (String suffix : CIRCUIT_SUFFIXES) {
      for (String category : categories()) {
        read(circuitFile(category, suffix), CircuitJson::read)
            .ifPresent(
                file -> circuits.computeIfAbsent(suffix, key -> new LinkedHashMap<>()).put(category, file.circuit()));
      }
    }
    return circuits;
  }

  private Path circuitFile(String category, String suffix) {
    return layout.circuitsFolder().resolve(ResultLayout.circuitFile(model, category, suffix));
  }

  public Map<String, CategoryMetrics> metrics() {
    Map<String, CategoryMetrics> metrics = new LinkedHashMap<>();
    for (String category : categories()) {
      Path file = layout.evaluation(model, category);
      if (lineage.isCurrent(file) && !isOriginalCurve(file)) {
        metrics.put(category, CategoryMetrics.read(file));
      }
    }
    return metrics;
  }

  private static boolean isOriginalCurve(Path file) {
    return Files.isRegularFile(file) && OriginalFiles.isCurve(Json.readPython(file));
  }

  /** The original's scores: files under the name of ours, and those that evaluate has kept. */
  public Map<String, JsonNode> originalCurves() {
    Map<String, JsonNode> curves = new LinkedHashMap<>();
    for (String category : categories()) {
      Path file = layout.evaluation(model, category);
      Stream.of(file, OriginalFiles.kept(file.getParent(), file))
          .filter(ReportSources::isOriginalCurve)
          .findFirst()
          .ifPresent(found -> curves.put(category, Json.readPython(found)));
    }
    return curves;
  }

  private Path legacyScoresFile(String category) {
    return layout.evaluation(model, category)
        .resolveSibling("%s_%s_legacy.json".formatted(ResultLayout.fileName(model), ResultLayout.categoryName(category)));
  }

  /** By category, what evaluation.legacy wrote. */
  public Map<String, JsonNode> legacyScores() {
    Map<String, JsonNode> scores = new LinkedHashMap<>();
    for (String category : categories()) {
      read(legacyScoresFile(category), Json::read).ifPresent(json -> scores.put(category, json));
    }
    return scores;
  }

  private Path originalStatsFile() {
    return layout.stats(model).resolveSibling(ResultLayout.fileName(model) + "_toxic_circuits_stats.json");
  }

  public Optional<JsonNode> originalStats() {
    return read(originalStatsFile(), Json::readPython);
  }

  private Path originalSimilarityFile() {
    return layout.reports().resolve(ResultLayout.fileName(model)).resolve("modularity_analysis.json");
  }

  /** Averages of the original's analysis, by what was compared. */
  public Map<String, Double> originalSimilarity() {
    Map<String, Double> averages = new LinkedHashMap<>();
    read(originalSimilarityFile(), Json::readPython).ifPresent(json -> {
      for (String side : List.of("", "toxic_", "safe_", "cross_")) {
        JsonNode value = json.path(side + "avg_similarity");
        if (value.isNumber()) {
          averages.put(side.isEmpty() ? "all" : side.substring(0, side.length() - 1), value.doubleValue());
        }
      }
    });
    return averages;
  }

  /** Legacy options that made the circuits, as their metadata say. */
  public List<String> legacyCircuitOptions() {
    Set<String> options = new LinkedHashSet<>();
    for (String suffix : CIRCUIT_SUFFIXES) {
      for (String category : categories()) {
        read(circuitFile(category, suffix), CircuitJson::read).ifPresent(file -> {
          if (file.metadata().path("definition").asText().equals("legacy")) {
            options.add("circuit.attribution_method: stats");
          }
          if (file.metadata().path("edges").asText().equals("legacy")) {
            options.add("circuit.edges: legacy");
          }
          if (file.metadata().isEmpty()) {
            options.add("circuits as the original project wrote them");
          }
        });
      }
    }
    return List.copyOf(options);
  }

  /** metrics.json of every autoencoder, in forward order. */
  public Map<HookPoint, JsonNode> autoencoders() {
    Map<HookPoint, JsonNode> read = new TreeMap<>();
    autoencoderFiles().forEach((at, file) -> read.put(at, Json.read(file)));
    return read;
  }

  private Map<HookPoint, Path> autoencoderFiles() {
    Path folder = layout.sae(model, HookPoint.residuals(0)).getParent();
    if (!Files.isDirectory(folder)) {
      return Map.of();
    }
    Map<HookPoint, Path> files = new TreeMap<>();
    try (Stream<Path> all = Files.list(folder)) {
      all.map(ResultLayout::saeMetrics)
          .filter(lineage::isCurrent)
          .forEach(file -> files.put(HookPoint.parse(file.getParent().getFileName().toString()), file));
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(folder, e);
    }
    return files;
  }

  /** In the order of the stage that knows them first. */
  List<String> categories() {
    Set<String> categories = new LinkedHashSet<>();
    collect().ifPresent(collect -> categories.addAll(collect.categories().keySet()));
    transfer().ifPresent(transfer -> categories.addAll(transfer.categories()));
    stats().ifPresent(
        stats -> stats.path("tests").path("categories").forEach(category -> categories.add(category.asText())));
    return List.copyOf(categories);
  }

  /** Every file that the report reads, manifests left out: they hold times, and the report is to be the same again. */
  public List<Path> files() {
    List<Path> files = new ArrayList<>();
    files.add(layout.collectReport(model));
    files.addAll(autoencoderFiles().values());
    files.add(layout.attributionCheck(model));
    for (String category : categories()) {
      CIRCUIT_SUFFIXES.forEach(suffix -> files.add(circuitFile(category, suffix)));
    }
    files.add(layout.similarity(model));
    categories().forEach(category -> files.add(layout.evaluation(model, category)));
    categories().forEach(category -> files.add(legacyScoresFile(category)));
    files.add(originalStatsFile());
    files.add(originalSimilarityFile());
    files.add(layout.transfer(model));
    files.add(layout.stats(model));
    truthFile().ifPresent(files::add);
    return files.stream().filter(lineage::isCurrent).toList();
  }
}
