package org.refusal.collected;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.Progress;
import org.refusal.io.Json;

/**
 * Files of the original project under names that a stage is about to write itself. They are kept: {@code circuits/x.json}
 * as {@code original/circuits/x.json} beside the folder, once, before anything is written.
 */
public final class OriginalFiles {
  private static final String KEPT = "original";

  private OriginalFiles() {}

  /** Reads the place whole. @param place a JSON file or a folder of them; need not exist */
  public static void keep(Path place, Progress progress) {
    Path parent = place.toAbsolutePath().getParent();
    for (Path file : files(place)) {
      Path kept = kept(place, file);
      if (!Files.exists(kept) && isOriginal(Json.readPython(file))) {
        try {
          byte[] bytes = Files.readAllBytes(file);
          AtomicFiles.write(kept, out -> out.write(bytes));
        } catch (IOException e) {
          throw AtomicFiles.cannotRead(file, e);
        }
        progress.note(
            "kept the original project's %s as %s"
                .formatted(parent.relativize(file.toAbsolutePath()), parent.relativize(kept)));
      }
    }
  }

  /** Where {@link #keep} puts a file of a place. */
  public static Path kept(Path place, Path file) {
    Path parent = place.toAbsolutePath().getParent();
    return parent.resolve(KEPT).resolve(parent.relativize(file.toAbsolutePath()).toString());
  }

  /** Outputs, labels, weights, circuits and scores have another form here. */
  private static boolean isOriginal(JsonNode json) {
    return json.isArray()
        ? json.path(0).isBoolean()
        : json.path("prompts").isArray()
            || json.has("toxic_counts")
            || json.has("nodes") && !json.path("metadata").has("format")
            || isCurve(json);
  }

  /** The original's scores are lists over thresholds. */
  public static boolean isCurve(JsonNode json) {
    return json.path("thresholds").isArray();
  }

  private static List<Path> files(Path place) {
    if (Files.isRegularFile(place)) {
      return List.of(place);
    }
    if (!Files.isDirectory(place)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(place)) {
      return all.filter(file -> file.toString().endsWith(".json") && Files.isRegularFile(file)).sorted().toList();
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(place, e);
    }
  }
}
