package org.refusal.run;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.base.Digests;
import org.refusal.base.FileNames;
import org.refusal.io.Json;

/**
 * Which parts of a run that was interrupted are finished and lie at their final places, by content: what another
 * config's run has written over since is not taken for this run's.
 *
 * @param work folder of the run's progress
 */
public record FinishedParts(Path work) {

  /** Notes that a part is finished; its files are read once. */
  public void add(String part, List<Path> files) {
    Map<String, String> digests = new LinkedHashMap<>();
    files.forEach(file -> digests.put(here().relativize(file.toAbsolutePath()).toString(), Digests.sha256(file)));
    Json.write(file(part), digests);
  }

  /** Whether a part was finished and all its files are still what they were then. */
  public boolean has(String part) {
    if (!Files.exists(file(part))) {
      return false;
    }
    JsonNode digests = Json.read(file(part));
    boolean[] same = {true};
    digests.fields().forEachRemaining(entry -> {
      Path file = here().resolve(entry.getKey()).normalize();
      same[0] &= Files.isRegularFile(file) && Digests.sha256(file).equals(entry.getValue().asText());
    });
    return same[0];
  }

  private Path here() {
    return work.toAbsolutePath().normalize();
  }

  private Path file(String part) {
    return work.resolve(FileNames.of(part) + ".finished.json");
  }
}
