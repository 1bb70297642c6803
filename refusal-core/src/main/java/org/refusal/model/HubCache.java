package org.refusal.model;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.refusal.base.UserException;

/**
 * Finds models by name in the cache that the Hugging Face tools share:
 * {@code models--ORG--NAME/snapshots/COMMIT}, the commit standing in {@code refs/main}. Looked for, in this order: the
 * folder given, else {@code $HF_HUB_CACHE}, {@code $HF_HOME/hub}, {@code ~/.cache/huggingface/hub}.
 */
public final class HubCache {
  private final List<Path> roots;

  private HubCache(List<Path> roots) {
    this.roots = roots;
  }

  /** @param cacheDir {@code --cache-dir} or {@code model.cache_dir}; overrules the environment */
  public static HubCache of(Optional<Path> cacheDir) {
    return of(cacheDir, System.getenv(), Path.of(System.getProperty("user.home")));
  }

  static HubCache of(Optional<Path> cacheDir, Map<String, String> environment, Path home) {
    if (cacheDir.isPresent()) {
      return new HubCache(List.of(cacheDir.get(), cacheDir.get().resolve("hub")));
    }
    String cache = environment.getOrDefault("HF_HUB_CACHE", environment.getOrDefault("HUGGINGFACE_HUB_CACHE", ""));
    if (!cache.isBlank()) {
      return new HubCache(List.of(Path.of(cache)));
    }
    String hfHome = environment.getOrDefault("HF_HOME", "");
    return new HubCache(
        List.of(hfHome.isBlank() ? home.resolve(".cache/huggingface/hub") : Path.of(hfHome).resolve("hub")));
  }

  /** The folder into which a download would go. */
  public Path root() {
    return roots.get(0);
  }

  /** A folder of that name if there is one, else the cached snapshot of that Hub model. */
  public CheckpointFolder open(String model) {
    Path folder = Path.of(model);
    if (Files.isDirectory(folder)) {
      return CheckpointFolder.open(folder, model);
    }
    return CheckpointFolder.open(snapshot(model), model);
  }

  private Path snapshot(String model) {
    List<String> tried = new ArrayList<>();
    if (model.matches("[\\w.-]+(/[\\w.-]+)?")) {
      for (Path root : roots) {
        Path repository = root.resolve("models--" + model.replace("/", "--"));
        if (Files.isDirectory(repository)) {
          return snapshotOf(repository, model);
        }
        tried.add(repository.toString());
      }
    }
    tried.add(0, Path.of(model).toAbsolutePath().toString());
    throw UserException.badData(
        "model '%s' is not here: tried %s".formatted(model, String.join(", ", tried)),
        "refusal download --model " + model + ", or give a folder or --cache-dir");
  }

  private static Path snapshotOf(Path repository, String model) {
    Path ref = repository.resolve("refs/main");
    Path snapshots = repository.resolve("snapshots");
    try {
      if (Files.isRegularFile(ref)) {
        Path snapshot = snapshots.resolve(Files.readString(ref, StandardCharsets.UTF_8).strip());
        if (Files.isDirectory(snapshot)) {
          return snapshot;
        }
        throw UserException.badData(
            snapshot + ": no such folder, though " + ref + " names it", "refusal download --model " + model);
      }
      List<Path> all = List.of();
      if (Files.isDirectory(snapshots)) {
        try (Stream<Path> list = Files.list(snapshots)) {
          all = list.filter(Files::isDirectory).toList();
        }
      }
      if (all.size() == 1) {
        return all.get(0);
      }
      throw UserException.badData(
          "%s: holds no refs/main and %d snapshots".formatted(repository, all.size()),
          "refusal download --model " + model);
    } catch (IOException e) {
      throw UserException.badData(repository + ": cannot be read: " + e.getMessage());
    }
  }
}
