package org.refusal;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where golden data lies: the folder in the system property {@code refusal.goldens}, else the fixtures among the test
 * resources. Golden tests take every size, name and tolerance from the files, so that another set runs unchanged. A
 * relative folder is looked for where Maven was started, too: tests run one folder below.
 */
public final class Goldens {
  private Goldens() {}

  public static Path root() {
    String property = System.getProperty("refusal.goldens", "");
    if (!property.isBlank()) {
      Path root = Path.of(property).toAbsolutePath();
      Path above = Path.of("..").resolve(property).toAbsolutePath().normalize();
      if (Files.isDirectory(root)) {
        return root;
      }
      if (Files.isDirectory(above)) {
        return above;
      }
      throw new IllegalStateException("refusal.goldens: no such folder: " + property);
    }
    try {
      return Path.of(Goldens.class.getResource("/goldens").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A part of the set; where another set than the fixtures leaves it out, the test is skipped and says so. */
  public static Path folder(String name) {
    Path folder = root().resolve(name);
    assumeTrue(isFixture() || Files.exists(folder), "this set of goldens has no " + name + ": " + root());
    return folder;
  }

  private static boolean isFixture() {
    return System.getProperty("refusal.goldens", "").isBlank();
  }
}
