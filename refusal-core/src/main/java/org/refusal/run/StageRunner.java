package org.refusal.run;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.refusal.base.AtomicFiles;
import org.refusal.base.Folders;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.config.Binder;
import org.refusal.config.ModelSection;
import org.refusal.io.Json;

/**
 * Runs a stage, or skips it when it is provably up to date, and writes down what made its files.
 *
 * <p>The order on disk is what makes it safe to kill: outputs first (each whole or not at all), the manifest last, the
 * work folder removed after that. Every key has a work folder of its own, so that another config's run leaves what an
 * interrupted one has done alone.
 */
public final class StageRunner {
  /**
   * @param fresh run even when up to date, from the beginning
   * @param threads CPU threads
   * @param versions what the manifest says of the program and the machine, asked for when the stage has run
   * @param slurmJobId of the job that runs this, or null
   */
  public record Options(
      boolean fresh, int threads, Progress progress, Supplier<Map<String, String>> versions, String slurmJobId) {}

  /** What the machine makes of a {@code model:} section, as manifests say it. */
  public interface Machine {
    /** {@code cpu} or {@code cuda:N}. */
    String device(ModelSection model);

    /** The type that the model is computed in, as in YAML: {@code float32}. */
    String dataType(ModelSection model);

    /** Most memory that the process has held, or -1 where it is not known. */
    long peakResidentBytes();
  }

  /** @param skipped whether the stage was up to date */
  public record Outcome(boolean skipped, RunManifest manifest) {}

  private final Options options;
  private final List<String> stages;
  private final Machine machine;

  /** @param stages names of all stages, in the order in which they run */
  public StageRunner(Options options, List<String> stages, Machine machine) {
    this.options = options;
    this.stages = List.copyOf(stages);
    this.machine = machine;
  }

  /**
   * @throws UserException bad data, where an input is not what its stage wrote or was made from something else than what
   *     lies on disk now ({@link Lineage})
   */
  public <C extends Record> Outcome run(Stage<C> stage, C config) {
    ResultLayout layout = new ResultLayout(stage.resultDir(config));
    try (Lock lock = Lock.of(layout.root())) {
      DigestCache digests = DigestCache.of(layout);
      try {
        return run(stage, config, layout, digests);
      } finally {
        digests.save();
      }
    }
  }

  private <C extends Record> Outcome run(Stage<C> stage, C config, ResultLayout layout, DigestCache digests) {
    List<Path> files = stage.inputs(config);
    List<ArtifactRef> inputs = digest(files, layout, digests);
    Lineage lineage = Lineage.of(layout, digests);
    String key = StageKey.of(stage.name(), stage.version(), Binder.toMap(config, false), inputs);
    Path manifestFile = manifest(layout, stage.name(), key);
    lineage.damaged().stream()
        .filter(damaged -> !damaged.startsWith(manifestFile.toString()))
        .forEach(damaged -> options.progress().note("warning: %s; what it made is taken as it is".formatted(damaged)));
    lineage.require(files, stages);
    if (!options.fresh()) {
      Optional<RunManifest> current = upToDate(manifestFile, layout, digests);
      if (current.isPresent()) {
        if (!lineage.isLatest(current.get())) {
          Json.write(manifestFile, current.get().withSequence(lineage.next()));
        }
        removeWork(layout, stage.name(), key);
        return new Outcome(true, current.get());
      }
    }
    Path work = prepareWork(layout, stage.name(), key);
    Instant started = Instant.now();
    StageResult result = stage.run(config, new StageContext(options.progress(), work, options.threads()));
    Instant finished = Instant.now();
    RunManifest manifest =
        new RunManifest(
            stage.name(),
            key,
            lineage.next(),
            stage.version(),
            Binder.toMap(config, true),
            seed(config),
            inputs,
            digest(result.outputs(), layout, digests),
            versions(stage, config),
            started.truncatedTo(ChronoUnit.SECONDS).toString(),
            finished.truncatedTo(ChronoUnit.SECONDS).toString(),
            Duration.between(started, finished).toMillis() / 1000.0,
            machine.peakResidentBytes(),
            options.slurmJobId(),
            result.summary());
    Json.write(manifestFile, manifest);
    removeWork(layout, stage.name(), key);
    return new Outcome(false, manifest);
  }

  private static Path manifest(ResultLayout layout, String stage, String key) {
    return layout.manifests().resolve(stage + "-" + key + ".json");
  }

  /** Why the stage would run: which of config, inputs and outputs differ from its last run. */
  public <C extends Record> List<String> explain(Stage<C> stage, C config) {
    ResultLayout layout = new ResultLayout(stage.resultDir(config));
    DigestCache digests = DigestCache.of(layout);
    List<Path> files = stage.inputs(config);
    List<ArtifactRef> inputs = digest(files, layout, digests);
    String key = StageKey.of(stage.name(), stage.version(), Binder.toMap(config, false), inputs);
    List<RunManifest> runs = RunManifest.all(layout).stream().filter(run -> run.stage().equals(stage.name())).toList();
    if (runs.isEmpty()) {
      return List.of(stage.name() + " has never run here");
    }
    RunManifest last =
        runs.stream().filter(run -> run.key().equals(key)).findFirst().orElse(runs.get(runs.size() - 1));
    List<String> reasons = new ArrayList<>();
    Lineage.of(layout, digests).faults(files).forEach(
        fault -> reasons.add("cannot run before %s: %s".formatted(fault.stage(), fault.what())));
    if (last.stageVersion() != stage.version()) {
      reasons.add("the stage itself changed: version %d, now %d".formatted(last.stageVersion(), stage.version()));
    }
    compare("", last.config(), Json.mapper().convertValue(Binder.toMap(config, true), Map.class), reasons);
    for (ArtifactRef input : inputs) {
      Optional<ArtifactRef> before = last.inputs().stream().filter(i -> i.path().equals(input.path())).findFirst();
      if (before.isEmpty()) {
        reasons.add("input is new: " + input.path());
      } else if (!before.get().sha256().equals(input.sha256())) {
        reasons.add("input changed: " + input.path());
      }
    }
    for (ArtifactRef output : last.outputs()) {
      Path file = layout.root().resolve(output.path());
      if (!Files.exists(file)) {
        reasons.add("output is gone: " + output.path());
      } else if (!digests.of(file, layout.root()).sha256().equals(output.sha256())) {
        reasons.add("output was changed: " + output.path());
      }
    }
    return reasons.isEmpty() ? List.of(stage.name() + " is up to date") : reasons;
  }

  private static void compare(String prefix, Map<?, ?> before, Map<?, ?> now, List<String> reasons) {
    now.forEach((name, value) -> {
      Object old = before.get(name);
      if (value instanceof Map<?, ?> section && old instanceof Map<?, ?> oldSection) {
        compare(prefix + name + ".", oldSection, section, reasons);
      } else if (!String.valueOf(value).equals(String.valueOf(old))) {
        reasons.add("config %s%s: %s, now %s".formatted(prefix, name, old, value));
      }
    });
  }

  /** What the manifest says of program and machine, with the device and type that the stage really used. */
  private <C extends Record> Map<String, String> versions(Stage<C> stage, C config) {
    Map<String, String> versions = new LinkedHashMap<>(options.versions().get());
    versions.put("device", stage.computesOn(config).map(machine::device).orElse("cpu"));
    stage.modelRun(config).ifPresent(section -> versions.put("dtype", machine.dataType(section)));
    return versions;
  }

  private static List<ArtifactRef> digest(List<Path> files, ResultLayout layout, DigestCache digests) {
    for (Path file : files) {
      if (!Files.isRegularFile(file)) {
        throw UserException.badData(file + ": " + AtomicFiles.missing(file), "has the stage that writes it been run?");
      }
    }
    return files.stream().map(file -> digests.of(file, layout.root())).toList();
  }

  private Optional<RunManifest> upToDate(Path manifestFile, ResultLayout layout, DigestCache digests) {
    if (!Files.exists(manifestFile)) {
      return Optional.empty();
    }
    RunManifest manifest;
    try {
      manifest = Json.read(manifestFile, RunManifest.class);
    } catch (UserException damaged) {
      options.progress().note("warning: " + damaged.getMessage() + "; it proves nothing, so the stage runs again");
      return Optional.empty();
    }
    for (ArtifactRef output : manifest.outputs()) {
      Path file = layout.root().resolve(output.path());
      if (!Files.isRegularFile(file) || !digests.of(file, layout.root()).sha256().equals(output.sha256())) {
        return Optional.empty();
      }
    }
    return Optional.of(manifest);
  }

  /** Other keys' work stays, unless everything is to begin anew. */
  private Path prepareWork(ResultLayout layout, String stage, String key) {
    if (options.fresh()) {
      Folders.delete(layout.work(stage));
    }
    Path work = layout.work(stage, key);
    try {
      Files.createDirectories(work);
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(work, e);
    }
    return work;
  }

  private static void removeWork(ResultLayout layout, String stage, String key) {
    Folders.delete(layout.work(stage, key));
    Folders.deleteIfEmpty(layout.work(stage));
  }

  private static long seed(Record config) {
    return Binder.toMap(config, true).get("seed") instanceof Number seed ? seed.longValue() : 0;
  }

  /** Held while a stage works in a results folder; the operating system releases it however the process ends. */
  private record Lock(FileChannel channel, FileLock held) implements AutoCloseable {
    static Lock of(Path root) {
      Path file = root.resolve(".lock");
      try {
        Files.createDirectories(root);
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock held = tryLock(channel);
        if (held == null) {
          channel.close();
          throw UserException.environment(
              root + ": another run is working in this results folder", "wait for it, or name another folder for the results");
        }
        return new Lock(channel, held);
      } catch (IOException e) {
        throw AtomicFiles.cannotWrite(file, e);
      }
    }

    private static FileLock tryLock(FileChannel channel) throws IOException {
      try {
        return channel.tryLock();
      } catch (OverlappingFileLockException e) {
        return null;
      }
    }

    @Override
    public void close() {
      try {
        held.release();
        channel.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
