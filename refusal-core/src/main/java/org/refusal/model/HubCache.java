package org.refusal.model;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;

/**
 * Finds models by name in the cache that the Hugging Face tools share:
 * {@code models--ORG--NAME/snapshots/COMMIT}, the commit standing in {@code refs/main}, or in {@code refs/REVISION} for
 * {@code ORG/NAME@REVISION}. Looked for in the folder given, else where {@link HubEnvironment} says.
 */
public final class HubCache {
  private final List<Path> roots;

  private HubCache(List<Path> roots) {
    this.roots = roots;
  }

  /** @param cacheDir {@code --cache-dir} or {@code model.cache_dir}; overrules the environment */
  public static HubCache of(Optional<Path> cacheDir) {
    return of(cacheDir, HubEnvironment.of(System.getenv()));
  }

  /** The same with the environment given. */
  public static HubCache of(Optional<Path> cacheDir, HubEnvironment environment) {
    return new HubCache(
        cacheDir
            .map(given -> environment.expand(given.toString()))
            .map(folder -> List.of(folder, folder.resolve("hub")))
            .orElseGet(() -> List.of(environment.hub())));
  }

  /** The folder into which a download would go. */
  public Path root() {
    return roots.get(0);
  }

  /** A folder of that name if there is one, else the cached snapshot of that Hub model. */
  public CheckpointFolder open(String model) {
    ModelName.refuseOtherThings(model);
    Path folder = Path.of(model);
    if (Files.isDirectory(folder)) {
      return CheckpointFolder.open(folder, model);
    }
    return CheckpointFolder.open(snapshot(model), model);
  }

  private Path snapshot(String model) {
    List<String> tried = new ArrayList<>(List.of(Path.of(model).toAbsolutePath().toString()));
    Optional<ModelName> name = ModelName.parse(model);
    if (name.isPresent()) {
      for (Path root : roots) {
        Path repository = root.resolve("models--" + name.get().repository().replace("/", "--"));
        if (Files.isDirectory(repository)) {
          return snapshotOf(repository, model, name.get());
        }
        tried.add(repository.toString());
      }
    }
    throw UserException.badData(
        "model '%s' is not here: tried %s".formatted(model, String.join(", ", tried)),
        "refusal download --model " + model + ", or give a folder or --cache-dir");
  }

  private static Path snapshotOf(Path repository, String model, ModelName name) {
    String revision = name.revision().orElse("main");
    Path ref = repository.resolve("refs").resolve(revision);
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
          all = list.filter(Files::isDirectory).sorted().toList();
        }
      }
      if (name.revision().isPresent()) {
        List<Path> named = all.stream().filter(each -> each.getFileName().toString().startsWith(revision)).toList();
        if (named.size() == 1) {
          return named.get(0);
        }
        throw UserException.badData(
            "%s: %s snapshot is called '%s'; there are %s"
                .formatted(
                    repository, named.isEmpty() ? "no" : "more than one", revision,
                    all.stream().map(each -> each.getFileName().toString()).toList()),
            "refusal download --model " + model);
      }
      if (all.size() == 1) {
        return all.get(0);
      }
      throw UserException.badData(
          "%s: holds no refs/main and %d snapshots".formatted(repository, all.size()),
          all.isEmpty() ? "refusal download --model " + model : "name one: " + model + "@COMMIT");
    } catch (IOException e) {
      throw AtomicFiles.cannotRead(repository, e);
    }
  }
}
