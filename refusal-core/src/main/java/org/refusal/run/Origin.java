package org.refusal.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.refusal.base.AtomicFiles;

/**
 * Which run made a content, wherever it lies and whatever it is called now, and from what: by digests alone, over the manifests of
 * a results folder and of the further autoencoder seeds in it. Whether all that still lies on disk is {@link Lineage}'s question.
 */
public final class Origin {
  /**
   * A run and the file of its that has the content.
   *
   * @param file as the manifest names it
   */
  public record Made(RunManifest run, ArtifactRef file) {}

  private final List<Made> all = new ArrayList<>();
  private final List<String> damaged = new ArrayList<>();

  private Origin() {}

  /** Manifests that cannot be read are left out ({@link #damaged}). */
  public static Origin of(ResultLayout layout) {
    Origin origin = new Origin();
    origin.read(layout);
    Path seeds = layout.root().resolve(Lineage.SEEDS);
    if (Files.isDirectory(seeds)) {
      try (Stream<Path> folders = Files.list(seeds)) {
        folders.sorted().forEach(folder -> origin.read(new ResultLayout(folder)));
      } catch (IOException e) {
        throw AtomicFiles.cannotRead(seeds, e);
      }
    }
    return origin;
  }

  private void read(ResultLayout layout) {
    for (RunManifest run : RunManifest.readable(layout, damaged)) {
      run.outputs().forEach(output -> all.add(new Made(run, output)));
    }
  }

  /** Manifests that cannot be read, one line each. */
  public List<String> damaged() {
    return List.copyOf(damaged);
  }

  /**
   * The run that made such a content: where several did, one that called it so, and of these the latest.
   *
   * @param name of the file; only its last part counts
   */
  public Optional<Made> maker(String sha256, Path name) {
    return all.stream()
        .filter(made -> made.file().sha256().equals(sha256))
        .max(
            Comparator.<Made, Boolean>comparing(made -> Path.of(made.file().path()).getFileName().equals(name.getFileName()))
                .thenComparingLong(made -> made.run().sequence()));
  }

  /** The run that made an input. */
  public Optional<Made> maker(ArtifactRef input) {
    return maker(input.sha256(), Path.of(input.path()));
  }

  /** The run, then those that its inputs came from, and so on, each once: nearest first. */
  public List<RunManifest> chain(RunManifest run) {
    List<RunManifest> chain = new ArrayList<>(List.of(Objects.requireNonNull(run, "run")));
    for (int i = 0; i < chain.size(); i++) {
      for (ArtifactRef input : chain.get(i).inputs()) {
        maker(input).map(Made::run).filter(each -> !chain.contains(each)).ifPresent(chain::add);
      }
    }
    return chain;
  }
}
