package org.refusal.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Supplier;
import org.refusal.base.UserException;
import org.refusal.torch.Devices;
import org.refusal.torch.TorchRuntime;

/** What program this is, on which machine: for {@code --version} and manifests. */
final class Versions {
  private Versions() {}

  static Map<String, String> map() {
    Properties build = build();
    Map<String, String> versions = new LinkedHashMap<>();
    versions.put("refusal", build.getProperty("version"));
    versions.put("commit", build.getProperty("commit"));
    versions.put("java", System.getProperty("java.vm.name") + " " + System.getProperty("java.version"));
    versions.put("libtorch", orWhyNot(TorchRuntime::version));
    versions.put("device", orWhyNot(() -> Devices.name(Devices.parse("auto"))));
    versions.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    return versions;
  }

  /** Some stages need neither libtorch nor a GPU; those that do say themselves what is missing. */
  private static String orWhyNot(Supplier<String> fact) {
    try {
      return fact.get();
    } catch (UserException e) {
      return "none: " + e.getMessage();
    }
  }

  /** @param engine whether to start the engine and ask it */
  static List<String> lines(boolean engine) {
    List<String> lines = new ArrayList<>();
    if (engine) {
      map().forEach((name, value) -> lines.add("%-9s %s".formatted(name, value)));
    } else {
      lines.add("refusal   " + build().getProperty("version"));
    }
    return lines;
  }

  private static Properties build() {
    Properties properties = new Properties();
    try (InputStream in = Versions.class.getResourceAsStream("/org/refusal/cli/build.properties")) {
      if (in == null) {
        throw new IllegalStateException("build.properties is missing from the class path");
      }
      properties.load(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties;
  }
}
