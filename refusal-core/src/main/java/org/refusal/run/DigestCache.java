package org.refusal.run;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.refusal.base.AtomicFiles;
import org.refusal.base.Digests;
import org.refusal.base.UserException;
import org.refusal.io.Json;

/**
 * SHA-256 of files, remembered by path, size and time of change, so that 13 GB of weights are read once and not at every
 * stage. A file written in the last two seconds is never taken from memory: its time of change may not tell.
 */
public final class DigestCache {
  private static final long SETTLED_MILLIS = 2_000;

  private final Path file;
  private final Map<String, String> known = new TreeMap<>();
  private boolean changed;

  /** @param file where the memory lies; a damaged one is begun anew */
  public DigestCache(Path file) {
    this.file = file;
    if (Files.exists(file)) {
      JsonNode stored;
      try {
        stored = Json.read(file);
      } catch (UserException damaged) {
        return;
      }
      stored.fields().forEachRemaining(entry -> known.put(entry.getKey(), entry.getValue().asText()));
    }
  }

  /** The memory of a results folder. */
  public static DigestCache of(ResultLayout layout) {
    return new DigestCache(file(layout));
  }

  static Path file(ResultLayout layout) {
    return layout.manifests().resolve("digests.json");
  }

  /**
   * A file that lies below the root is remembered by its path there, so that a results folder can be moved or copied with
   * its times without being read again.
   *
   * @param root folder to which the path in the reference is relative, if the file lies below; else it is absolute
   */
  public ArtifactRef of(Path artifact, Path root) {
    Path absolute = artifact.toAbsolutePath().normalize();
    Path base = root.toAbsolutePath().normalize();
    boolean inside = absolute.startsWith(base);
    String name = (inside ? base.relativize(absolute) : absolute).toString();
    try {
      long size = Files.size(absolute);
      long modified = Files.getLastModifiedTime(absolute).toMillis();
      String id = "%s|%d|%d".formatted(inside ? name : absolute.toRealPath(), size, modified);
      String digest = known.get(id);
      if (digest == null) {
        digest = Digests.sha256(absolute);
        if (System.currentTimeMillis() - modified > SETTLED_MILLIS) {
          known.put(id, digest);
          changed = true;
        }
      }
      return new ArtifactRef(name.replace('\\', '/'), size, digest);
    } catch (IOException e) {
      throw UserException.badData(artifact + ": cannot be read: " + AtomicFiles.reason(e));
    }
  }

  public void save() {
    if (changed) {
      Json.write(file, known);
      changed = false;
    }
  }
}
