package org.refusal.original;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.refusal.circuit.CircuitJson;
import org.refusal.collected.OriginalFiles;
import org.refusal.io.Json;
import org.refusal.report.ReportSources;
import org.refusal.report.Source;
import org.refusal.run.ResultLayout;

/** What the original project's files and definitions left, read by the section of legacy numbers alone. */
final class LegacySources {
  /** Legacy options that made the circuits, as their metadata say. */
  static final Source<List<String>> CIRCUIT_OPTIONS =
      Source.ofCategories(
          "options of the circuits", null, Source::circuitFiles,
          sources -> {
            Set<String> options = new LinkedHashSet<>();
            for (String category : sources.categories()) {
              Source.circuitFiles(sources, category).forEach(
                  file -> sources.read(file, CircuitJson::read).ifPresent(circuit -> options.addAll(options(circuit.metadata()))));
            }
            return options.isEmpty() ? Optional.empty() : Optional.of(List.copyOf(options));
          });

  /** By category, what evaluation.legacy wrote. */
  static final Source<Map<String, JsonNode>> SCORES =
      Source.ofCategories(
          "legacy scores", null, (sources, category) -> List.of(scoresFile(sources, category)),
          sources -> {
            Map<String, JsonNode> scores = new LinkedHashMap<>();
            for (String category : sources.categories()) {
              sources.read(scoresFile(sources, category), Json::read).ifPresent(json -> scores.put(category, json));
            }
            return scores.isEmpty() ? Optional.empty() : Optional.of(scores);
          });

  static final Source<JsonNode> STATS =
      Source.file(
          "original project's significance", null,
          sources ->
              sources.layout().stats(sources.model())
                  .resolveSibling(ResultLayout.fileName(sources.model()) + "_toxic_circuits_stats.json"),
          Json::readPython);

  /** Averages of the original's analysis, by what was compared. */
  static final Source<Map<String, Double>> SIMILARITY =
      Source.file(
          "original project's similarity", null,
          sources ->
              sources.layout().reports().resolve(ResultLayout.fileName(sources.model())).resolve("modularity_analysis.json"),
          file -> averages(Json.readPython(file)));

  /** The original's scores: files under the name of ours, and those that evaluate has kept. */
  static final Source<Map<String, JsonNode>> CURVES =
      Source.ofCategories(
          "original project's scores", null, LegacySources::curveFiles,
          sources -> {
            Map<String, JsonNode> curves = new LinkedHashMap<>();
            for (String category : sources.categories()) {
              curveFiles(sources, category).stream()
                  .flatMap(file -> sources.read(file, Json::readPython).stream())
                  .filter(OriginalFiles::isCurve)
                  .findFirst()
                  .ifPresent(found -> curves.put(category, found));
            }
            return curves.isEmpty() ? Optional.empty() : Optional.of(curves);
          });

  private LegacySources() {}

  private static List<String> options(JsonNode metadata) {
    List<String> options = new ArrayList<>();
    if (metadata.path("definition").asText().equals("legacy")) {
      options.add("circuit.attribution_method: stats");
    }
    if (metadata.path("edges").asText().equals("legacy")) {
      options.add("circuit.edges: legacy");
    }
    if (metadata.isEmpty()) {
      options.add("circuits as the original project wrote them");
    }
    return options;
  }

  private static Path scoresFile(ReportSources sources, String category) {
    return sources.layout().evaluation(sources.model(), category)
        .resolveSibling(
            "%s_%s_legacy.json".formatted(ResultLayout.fileName(sources.model()), ResultLayout.categoryName(category)));
  }

  private static List<Path> curveFiles(ReportSources sources, String category) {
    Path file = sources.layout().evaluation(sources.model(), category);
    return List.of(file, OriginalFiles.kept(file.getParent(), file));
  }

  private static Map<String, Double> averages(JsonNode json) {
    Map<String, Double> averages = new LinkedHashMap<>();
    for (String side : List.of("", "toxic_", "safe_", "cross_")) {
      JsonNode value = json.path(side + "avg_similarity");
      if (value.isNumber()) {
        averages.put(side.isEmpty() ? "all" : side.substring(0, side.length() - 1), value.doubleValue());
      }
    }
    return averages;
  }
}
