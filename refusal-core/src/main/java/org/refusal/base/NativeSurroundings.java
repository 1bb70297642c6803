package org.refusal.base;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What DJL, through which libtorch and the tokenizers are called, takes from its surroundings: it obeys variables that images of
 * PyTorch and other programs set for themselves, and unpacks native libraries into a folder of its own.
 */
public final class NativeSurroundings {
  /** The only libtorch that the glue between Java and it fits to. */
  public static final String LIBTORCH = "2.5.1";

  /** With a libtorch of the site's own ({@value}) its flavor is named too. */
  public static final String OWN_LIBRARY = "PYTORCH_LIBRARY_PATH";

  private static final List<String> NEVER_MEANT =
      List.of("PYTORCH_LIBRARY_EXCLUSION", "PYTORCH_EXTRA_LIBRARY_PATH", "LIBSTDCXX_LIBRARY_PATH", "RUST_LIBRARY_PATH");

  private NativeSurroundings() {}

  /**
   * Refuses variables that DJL would obey though they are meant for other programs.
   *
   * @throws UserException of the environment, naming the variable
   */
  public static void requireOwnVariables(Map<String, String> environment) {
    boolean own = !environment.getOrDefault(OWN_LIBRARY, "").isEmpty();
    for (String name : NEVER_MEANT) {
      requireUnset(environment, name);
    }
    if (!own || !LIBTORCH.equals(environment.getOrDefault("PYTORCH_VERSION", LIBTORCH))) {
      requireUnset(environment, "PYTORCH_VERSION");
    }
    if (!own) {
      requireUnset(environment, "PYTORCH_FLAVOR");
    }
    if (!environment.getOrDefault("RUST_FLAVOR", "cpu").equals("cpu")) {
      requireUnset(environment, "RUST_FLAVOR");
    }
    if (!Boolean.parseBoolean(environment.getOrDefault("DJL_OFFLINE", "true"))) {
      requireUnset(environment, "DJL_OFFLINE");
    }
  }

  private static void requireUnset(Map<String, String> environment, String name) {
    if (environment.containsKey(name)) {
      throw UserException.environment(
          "$%s is set (%s), and the library under refusal would obey it; it is meant for another program"
              .formatted(name, environment.get(name)),
          "unset " + name + ", or start refusal by its launcher, which does so");
    }
  }

  /** Where DJL unpacks native libraries, and where the choice comes from. */
  public static String cache(Map<String, String> environment) {
    String named = environment.getOrDefault("ENGINE_CACHE_DIR", environment.getOrDefault("DJL_CACHE_DIR", ""));
    return named.isEmpty() ? Path.of(System.getProperty("user.home"), ".djl.ai").toString() : named;
  }

  /** Why nothing can be unpacked there, in one line; null if nothing speaks against it. */
  public static String whyNoCache(Map<String, String> environment) {
    Path folder = Path.of(cache(environment)).toAbsolutePath();
    Path there = folder;
    while (there != null && !Files.exists(there)) {
      there = there.getParent();
    }
    if (there == null || !Files.isDirectory(there) || !canHoldFolders(there)) {
      return "native libraries cannot be unpacked in %s, which cannot be written".formatted(folder);
    }
    return null;
  }

  /**
   * Before DJL finds out by itself, with a trace: a cache that was named must hold the engine's libraries already or take them.
   * (Where none is named and the home folder cannot be written, DJL takes the temporary folder.)
   *
   * @param engine {@code pytorch} or {@code tokenizers}
   * @throws UserException of the environment, naming the folder
   */
  public static void requireCache(Map<String, String> environment, String engine) {
    boolean named = environment.containsKey("DJL_CACHE_DIR") || environment.containsKey("ENGINE_CACHE_DIR");
    if (named && !Files.isDirectory(Path.of(cache(environment), engine))) {
      String why = whyNoCache(environment);
      if (why != null) {
        throw UserException.environment(why, CACHE_ADVICE);
      }
    }
  }

  /** Tried, as not every file system that lets root write takes a folder. */
  private static boolean canHoldFolders(Path there) {
    try {
      Files.delete(Files.createTempDirectory(there, ".refusal"));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** What to do about {@link #whyNoCache}. */
  public static final String CACHE_ADVICE = "set $DJL_CACHE_DIR to a folder that is writable and has 1 GB free";
}
