package org.refusal;

import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where golden data lies: the folder in the system property {@code refusal.goldens}, else the fixtures among the test
 * resources. Golden tests take every size, name and tolerance from the files, so that another set runs unchanged.
 */
public final class Goldens {
  private Goldens() {}

  public static Path root() {
    String property = System.getProperty("refusal.goldens", "");
    if (!property.isBlank()) {
      Path root = Path.of(property);
      if (!Files.isDirectory(root)) {
        throw new IllegalStateException("refusal.goldens: no such folder: " + property);
      }
      return root;
    }
    try {
      return Path.of(Goldens.class.getResource("/goldens").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  public static Path folder(String name) {
    return root().resolve(name);
  }
}
