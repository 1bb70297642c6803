package org.refusal.base;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The folder for temporary files, which native libraries and fonts need: it is there, takes a file, and has some space left. */
public final class TemporaryFolder {
  private static final long LEAST_BYTES = 4L << 20;
  private static final int PROBE_BYTES = 512;

  private TemporaryFolder() {}

  /**
   * The folder, looked at.
   *
   * @throws UserException of the environment, naming the folder and what is wrong with it
   */
  public static Path require() {
    return require(Path.of(System.getProperty("java.io.tmpdir", "/tmp")));
  }

  static Path require(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw unusable(folder, Files.exists(folder) ? "it is no folder" : "there is no such folder");
    }
    try {
      Path probe = Files.createTempFile(folder, "refusal", ".tmp");
      try {
        Files.write(probe, new byte[PROBE_BYTES]);
      } finally {
        Files.deleteIfExists(probe);
      }
      if (Files.getFileStore(folder).getUsableSpace() < LEAST_BYTES) {
        throw unusable(folder, "it is full");
      }
    } catch (IOException e) {
      throw unusable(folder, "it cannot be written: " + AtomicFiles.reason(e));
    }
    return folder;
  }

  private static UserException unusable(Path folder, String why) {
    return UserException.environment(
        "the temporary folder %s is of no use: %s".formatted(folder, why),
        "set TMPDIR to a folder that is writable and has some MB free (or java.io.tmpdir: REFUSAL_JAVA_OPTS=-Djava.io.tmpdir=FOLDER)");
  }
}
